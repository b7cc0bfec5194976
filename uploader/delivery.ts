import type { Logger } from './log.js';
import { UnderWay } from './under-way.js';

/** What a stream has to send. */
export interface DeliverySource {
  /**
   * The next transfer that may start now, or undefined. What it returns counts as under way until its promise
   * settles; it never rejects.
   */
  take(now: number): (() => Promise<void>) | undefined;
  /** When `take` may have something again by the passing of time alone (`performance.now()`), Infinity if never. */
  dueAt(): number;
}

/**
 * Shares the account's uploads among its streams, one transfer a stream in turn, so that a long backlog or a
 * broken stream starves no other. A chunk that waits for its next try holds no place.
 */
export class Delivery {
  readonly #uploads: number;
  readonly #log: Logger;
  /** Those whose turn is next come first. */
  readonly #sources: DeliverySource[] = [];
  readonly #transfers = new UnderWay();
  #timer: NodeJS.Timeout | undefined;
  #scheduled = false;
  #held = false;

  /** @param uploads transfers at once */
  constructor(uploads: number, log: Logger) {
    this.#uploads = uploads;
    this.#log = log;
  }

  add(source: DeliverySource): void {
    if (!this.#sources.includes(source)) this.#sources.push(source);
    this.wake();
  }

  remove(source: DeliverySource): void {
    const place = this.#sources.indexOf(source);
    if (place >= 0) this.#sources.splice(place, 1);
  }

  /** Nothing starts while held: the account is paused or closing. */
  hold(held: boolean): void {
    this.#held = held;
    if (!held) this.wake();
  }

  /** Something may have become sendable. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#fill();
    });
  }

  /** Ends the timer and waits for transfers under way. */
  async close(): Promise<void> {
    this.#held = true;
    clearTimeout(this.#timer);
    await this.#transfers.none();
  }

  #fill(): void {
    clearTimeout(this.#timer);
    if (this.#held) return;
    while (this.#transfers.count < this.#uploads) {
      const transfer = this.#next();
      if (transfer === undefined) {
        this.#sleepUntilDue();
        return;
      }
      void this.#run(transfer);
    }
    // All places are taken: the end of a transfer wakes.
  }

  async #run(transfer: () => Promise<void>): Promise<void> {
    this.#transfers.began();
    try {
      await transfer();
    } catch (error) {
      this.#log.error(`a transfer failed unexpectedly: ${(error as Error).stack}`);
    }
    this.#transfers.ended();
    this.wake();
  }

  #next(): (() => Promise<void>) | undefined {
    const now = performance.now();
    for (const [place, source] of this.#sources.entries()) {
      const transfer = source.take(now);
      if (transfer === undefined) continue;
      // Behind the others now: every stream gets its turn.
      this.#sources.splice(place, 1);
      this.#sources.push(source);
      return transfer;
    }
    return undefined;
  }

  #sleepUntilDue(): void {
    let due = Number.POSITIVE_INFINITY;
    for (const source of this.#sources) due = Math.min(due, source.dueAt());
    if (due === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.wake(), Math.min(60_000, Math.max(5, due - performance.now())));
    this.#timer.unref();
  }
}
