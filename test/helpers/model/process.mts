/** Processes that hold an uploader, and end like a power switch. One is always warm: a restart costs no start. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { RawSettings, Report } from '../../../dist/uploader/types.js';
import type { UploaderOptions } from '../../../dist/uploader/uploader.js';
import type { Kind } from './data.mts';

export type Account = Pick<UploaderOptions, 'id' | 'endpoint' | 'apiKey' | 'spoolDir' | 'clockSync'> & {
  spoolMinFreeBytes: number;
};
export type Editor = RawSettings;

export interface Asked {
  readonly id: number;
  readonly action: string;
  readonly account?: Account;
  readonly editors?: Partial<Record<Kind, Editor>>;
  readonly kind?: Kind;
  readonly from?: number;
  readonly count?: number;
  readonly removed?: boolean;
}

export interface Answer {
  readonly answer?: unknown;
  readonly error?: { code: string; message: string };
  /** The process was ended before it answered. */
  readonly gone?: true;
}
export type Told = ({ readonly id: number } & Answer) | { readonly finalized: Kind; readonly report: Report };

const WORKER = new URL('./worker.mts', import.meta.url);

export class Process {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #asked = 0;
  onFinalized: (kind: Kind, report: Report) => void = () => undefined;

  /** @param script what it runs, answering as the model's worker does */
  constructor(script = WORKER, execArgv: string[] = []) {
    this.#child = fork(script, { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (told: Told) => {
      if ('finalized' in told) this.onFinalized(told.finalized, told.report);
      else this.#answer(told.id, told);
    });
    this.#child.once('exit', () => {
      for (const id of [...this.#waiting.keys()]) this.#answer(id, { gone: true });
    });
  }

  ask(action: string, more: Partial<Asked> = {}): Promise<Answer> {
    const id = this.#asked;
    this.#asked += 1;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      const isGone = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (isGone || !this.#child.connected) this.#answer(id, { gone: true });
      else this.#child.send({ id, action, ...more }, (error) => error && this.#answer(id, { gone: true }));
    });
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  #answer(id: number, answer: Answer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}

export class Processes {
  #spare: Process | undefined = new Process();

  take(): Process {
    const taken = this.#spare ?? new Process();
    this.#spare = undefined;
    return taken;
  }

  /** A process is about to be killed: the next one starts meanwhile. */
  warm(): void {
    this.#spare ??= new Process();
  }

  /** It holds nothing any more. */
  async give(process: Process): Promise<void> {
    if (this.#spare === undefined) this.#spare = process;
    else await process.kill();
  }

  async end(): Promise<void> {
    await this.#spare?.kill();
  }
}
