import { backoff } from './backoff.js';
import { AtomscaleError } from './errors.js';
import type { Logger } from './log.js';
import type { RecordFile } from './spool/stream-record.js';

/**
 * What keeps a stream from the service: since when, how often it was tried, when it is tried again. It is in the
 * stream's record, so that a restart neither hurries nor forgets since when.
 */
export class Trouble {
  readonly #record: RecordFile;
  readonly #log: Logger;
  /** Of the next try that a restart found in the record, as `performance.now()`. */
  readonly #earliest: number;

  constructor(record: RecordFile, log: Logger) {
    this.#record = record;
    this.#log = log;
    const found = record.data.trouble;
    // The clock may have been set in between: never longer than the wait was.
    const left = found === null ? 0 : Math.min(Math.max(found.next_try - Date.now(), 0), found.wait);
    this.#earliest = performance.now() + left;
  }

  /** Unix ms; null while it goes well. */
  get since(): number | null {
    return this.#record.data.trouble?.since ?? null;
  }

  get error(): AtomscaleError | undefined {
    const found = this.#record.data.trouble?.error;
    return found && new AtomscaleError(found.code as AtomscaleError['code'], found.message);
  }

  /** In a row. */
  get failures(): number {
    return this.#record.data.trouble?.failures ?? 0;
  }

  /** Milliseconds that are left of the wait before a restart. */
  get rest(): number {
    return Math.max(0, this.#earliest - performance.now());
  }

  /** Notes a failure; gives the milliseconds until the next try. */
  failed(error: AtomscaleError): number {
    const now = Date.now();
    const failures = this.failures + 1;
    const wait = backoff(failures, error);
    this.#save({
      since: this.since ?? now,
      failures,
      next_try: now + wait,
      wait,
      error: { code: error.code, message: error.message },
    });
    return wait;
  }

  /** It goes well again. */
  over(): void {
    this.#save(null);
  }

  #save(trouble: RecordFile['data']['trouble']): void {
    const saved = this.#record.update((data) => {
      data.trouble = trouble;
    });
    saved.catch((error: unknown) => this.#log.warn((error as Error).message));
  }
}
