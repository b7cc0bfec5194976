/** A light stand-in of the service (`../service.mts`) in a process of its own; what arrived is checked afterwards. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Link } from '../service.mts';

export interface ReceivedStream {
  readonly id: string;
  readonly ended: boolean;
  readonly chunks: number;
  /** Of the bodies. */
  readonly bytes: number;
  /** When its first and its last chunk had arrived, Unix ms. */
  readonly first: number;
  readonly last: number;
}

export interface Progress {
  readonly streams: readonly ReceivedStream[];
  /** Of all bodies so far, also of those under way. */
  readonly bytes: number;
  /** Seconds of the processor so far. */
  readonly cpu: number;
}

export type Question =
  | { readonly kind: 'progress' }
  | { readonly kind: 'frames'; readonly width: number; readonly height: number }
  | { readonly kind: 'points' };

/** What a check found, by stream; an error in words when something is not as it was sent. */
export type Answer =
  | { readonly progress: Progress }
  | { readonly counts: number[] }
  | { readonly wrong: string };

export class Receiver {
  readonly #child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(link: Link = {}): Promise<Receiver> {
    const child = fork(new URL('receiver-process.mts', import.meta.url), [JSON.stringify(link)]);
    const [{ url }] = (await once(child, 'message')) as [{ url: string }];
    return new Receiver(child, url);
  }

  async progress(): Promise<Progress> {
    const answer = await this.#ask({ kind: 'progress' });
    if ('progress' in answer) return answer.progress;
    throw new Error('the receiver answered something else');
  }

  /** Resolves when so many streams were opened and all are ended. */
  ended(count: number, timeout: number): Promise<Progress> {
    return this.#until(
      `${count} streams to end`,
      ({ streams }) => streams.length >= count && streams.every(({ ended }) => ended),
      timeout,
    );
  }

  /** Resolves when so many chunks are there. */
  chunks(count: number, timeout: number): Promise<Progress> {
    return this.#until(
      `${count} chunks`,
      ({ streams }) => streams.reduce((sum, { chunks }) => sum + chunks, 0) >= count,
      timeout,
    );
  }

  async #until(what: string, is: (progress: Progress) => boolean, timeout: number): Promise<Progress> {
    for (const end = performance.now() + timeout; ; ) {
      const progress = await this.progress();
      if (is(progress)) return progress;
      if (performance.now() > end)
        throw new Error(`expected ${what} within ${timeout} ms, got ${JSON.stringify(progress)}`);
      await sleep(20);
    }
  }

  /**
   * Frames of each stream, in the order of their opening.
   *
   * @throws Error when one is not what a camera sent: frames from 0 on, each once, in order, intact
   */
  frames(width: number, height: number): Promise<number[]> {
    return this.#counts({ kind: 'frames', width, height });
  }

  /**
   * Points of each stream, in the order of their opening.
   *
   * @throws Error when the values of a channel are not those that were sent, in order, each once
   */
  points(): Promise<number[]> {
    return this.#counts({ kind: 'points' });
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  async #counts(question: Question): Promise<number[]> {
    const answer = await this.#ask(question);
    if ('counts' in answer) return answer.counts;
    throw new Error('wrong' in answer ? answer.wrong : 'the receiver answered something else');
  }

  async #ask(question: Question): Promise<Answer> {
    this.#child.send(question);
    const [answer] = (await once(this.#child, 'message')) as [Answer];
    return answer;
  }
}
