import type PQueue from 'p-queue';
import type { Logger } from './log.js';

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
  readonly #queue: PQueue;
  readonly #log: Logger;
  readonly #sources = new Set<DeliverySource>();
  #timer: NodeJS.Timeout | undefined;
  #scheduled = false;
  #held = false;

  private constructor(queue: PQueue, log: Logger) {
    this.#queue = queue;
    this.#log = log;
  }

  /** @param uploads transfers at once */
  static async create(uploads: number, log: Logger): Promise<Delivery> {
    // p-queue is an ES module; import() works from CommonJS on every Node that Node-RED supports.
    const { default: Queue } = await import('p-queue');
    return new Delivery(new Queue({ concurrency: uploads }), log);
  }

  add(source: DeliverySource): void {
    this.#sources.add(source);
    this.wake();
  }

  remove(source: DeliverySource): void {
    this.#sources.delete(source);
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
    await this.#queue.onIdle();
  }

  #fill(): void {
    clearTimeout(this.#timer);
    if (this.#held) return;
    while (this.#queue.pending + this.#queue.size < this.#queue.concurrency) {
      const transfer = this.#next();
      if (transfer === undefined) {
        this.#sleepUntilDue();
        return;
      }
      this.#queue
        .add(transfer)
        .catch((error: unknown) =>
          this.#log.error(`a transfer failed unexpectedly: ${(error as Error).stack}`),
        )
        .finally(() => this.wake());
    }
    // All places are taken: the end of a transfer wakes.
  }

  #next(): (() => Promise<void>) | undefined {
    const now = performance.now();
    for (const source of this.#sources) {
      const transfer = source.take(now);
      if (transfer === undefined) continue;
      // Behind the others now: every stream gets its turn.
      this.#sources.delete(source);
      this.#sources.add(source);
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
