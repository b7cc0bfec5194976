/** A sandbox in a process of its own that compares every frame with what the cameras sent. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** A RHEED stream as it arrived. */
export interface Arrived {
  readonly data_id: string;
  readonly ended: boolean;
  /** Stored so far. */
  readonly frames: number;
  /** Compared so far, and found to be those that were sent, intact. */
  readonly intact: number;
  /** What is not as it was sent: a pixel, the order of the frames. */
  readonly faults: readonly string[];
}

export interface State {
  readonly streams: readonly Arrived[];
  /** Breaches of the protocol that the sandbox refused. */
  readonly complaints: readonly string[];
}

export class CheckedSandbox {
  readonly #child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(): Promise<CheckedSandbox> {
    const child = fork(new URL('checked-sandbox-process.mts', import.meta.url), {
      stdio: ['ignore', 1, 2, 'ipc'],
    });
    const [{ url }] = (await once(child, 'message')) as [{ url: string }];
    return new CheckedSandbox(child, url);
  }

  async state(): Promise<State> {
    this.#child.send('state');
    const [state] = (await once(this.#child, 'message')) as [State];
    return state;
  }

  /** Ends and begins to answer. */
  async down(down: boolean): Promise<void> {
    const body = JSON.stringify(down ? { set: 'down' } : { clear: 'down' });
    const { ok } = await fetch(`${this.url}/sandbox/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    if (!ok) throw new Error('the sandbox did not take the fault');
  }

  /** Waits until so many streams are ended and compared; gives the last ones, in the order of their opening. */
  async ended(count: number, timeout: number): Promise<State> {
    for (const end = performance.now() + timeout; ; ) {
      const state = await this.state();
      const isDone = ({ ended, frames, intact, faults }: Arrived) =>
        ended && (intact === frames || faults.length > 0);
      if (state.streams.length >= count && state.streams.every(isDone)) return state;
      if (performance.now() > end)
        throw new Error(
          `expected ${count} streams to end within ${timeout} ms, got ${JSON.stringify(state)}`,
        );
      await sleep(100);
    }
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }
}
