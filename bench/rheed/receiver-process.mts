import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Workload } from './workload.mts';

export type Question = { readonly kind: 'cpu' } | { readonly kind: 'verify'; readonly workload: Workload };

export type Answer =
  | { readonly cpu: NodeJS.CpuUsage }
  | { readonly received: Received }
  | { readonly wrong: string };

/** What arrived, every pixel of it compared. */
export interface Received {
  /** Of all shards. */
  readonly bytes: number;
  readonly frames: number;
  /** sha256 of all pixels in order. */
  readonly pixels: string;
  /** When each chunk was there, Unix ms, in order of time. */
  readonly arrivals: readonly number[];
}

/** A receiver (`receiver.mts`) at work in a process of its own. */
export class Receiver {
  readonly #child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(): Promise<Receiver> {
    const child = fork(new URL('receiver.mts', import.meta.url));
    const [{ url }] = (await once(child, 'message')) as [{ url: string }];
    return new Receiver(child, url);
  }

  /** Processor seconds so far, user and system. */
  async cpuSeconds(): Promise<number> {
    const answer = await this.#ask({ kind: 'cpu' });
    return 'cpu' in answer ? (answer.cpu.user + answer.cpu.system) / 1e6 : Number.NaN;
  }

  /** @throws Error when not all frames are there, intact and in order */
  async verify(workload: Workload): Promise<Received> {
    const answer = await this.#ask({ kind: 'verify', workload });
    if ('received' in answer) return answer.received;
    throw new Error('wrong' in answer ? answer.wrong : 'the receiver answered something else');
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  async #ask(question: Question): Promise<Answer> {
    this.#child.send(question);
    const [answer] = (await once(this.#child, 'message')) as [Answer];
    return answer;
  }
}
