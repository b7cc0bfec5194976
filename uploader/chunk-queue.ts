import { backoff } from './backoff.js';
import { type Entry, itemsOf, type Sidecar } from './spool/entry.js';

/**
 * A stream's sealed chunks, oldest first, and when the next of them may be sent. After a failure one transfer
 * at a time feels the way until one succeeds, so that an outage costs one request a stream and not one a chunk.
 */
export class ChunkQueue<S extends Sidecar> {
  readonly #entries = new Map<number, Entry<S>>();
  #items = 0;
  #inFlight = 0;
  #failures = 0;
  /** On the monotonic clock (`performance.now()`), like every `now` here: a lab PC sets its clock. */
  #gate = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Frames or points in them. */
  get items(): number {
    return this.#items;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  [Symbol.iterator](): IterableIterator<Entry<S>> {
    return this.#entries.values();
  }

  add(entry: Entry<S>): void {
    this.#entries.set(entry.sidecar.number, entry);
    this.#items += itemsOf(entry.sidecar);
  }

  remove(entry: Entry<S>): void {
    if (this.#entries.delete(entry.sidecar.number)) this.#items -= itemsOf(entry.sidecar);
  }

  /** May a transfer of this stream start? `inFlight` counts all of the stream's. */
  isOpen(now: number): boolean {
    return this.#failures === 0 || (this.#inFlight === 0 && now >= this.#gate);
  }

  /** The oldest chunk that may be sent now. */
  next(now: number, busyIndex: number | null): Entry<S> | undefined {
    if (!this.isOpen(now)) return undefined;
    for (const entry of this.#idle(busyIndex)) if (entry.notBefore <= now) return entry;
    return undefined;
  }

  /** When `next` has something by the passing of time alone; Infinity when only the end of a transfer can help. */
  dueAt(busyIndex: number | null): number {
    if (this.#failures > 0 && this.#inFlight > 0) return Number.POSITIVE_INFINITY;
    let due = Number.POSITIVE_INFINITY;
    for (const { notBefore } of this.#idle(busyIndex)) {
      due = Math.min(due, notBefore);
      if (due === 0) break;
    }
    return this.#failures > 0 ? Math.max(due, this.#gate) : due;
  }

  /** Chunks that are not under way, oldest first; of chunks with the same index only the first may go. */
  *#idle(busyIndex: number | null): IterableIterator<Entry<S>> {
    const busy = new Set(busyIndex === null ? [] : [busyIndex]);
    for (const entry of this.#entries.values()) {
      const index = entry.sidecar.chunk_index;
      if (!entry.inFlight && !busy.has(index)) yield entry;
      busy.add(index);
    }
  }

  began(): void {
    this.#inFlight += 1;
  }

  ended(): void {
    this.#inFlight -= 1;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** Goes on where an earlier process stopped trying. */
  resume(failures: number, wait: number): void {
    this.#failures = failures;
    this.#gate = performance.now() + wait;
  }

  /**
   * Puts the chunk and the stream back for a while.
   *
   * @param wait milliseconds for the stream
   */
  failed(entry: Entry<S> | undefined, error: unknown, wait = backoff(this.#failures + 1, error)): void {
    this.#failures += 1;
    this.#gate = performance.now() + wait;
    if (entry === undefined) return;
    entry.attempts += 1;
    entry.notBefore = performance.now() + backoff(entry.attempts, error);
  }

  /** Everything may be tried at once: the stream has another id, or the key works again. */
  reset(): void {
    this.#failures = 0;
    this.#gate = 0;
    for (const entry of this.#entries.values()) entry.notBefore = 0;
  }
}
