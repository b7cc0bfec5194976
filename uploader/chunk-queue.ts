import { backoff } from './backoff.js';
import type { Entry, Sidecar } from './spool/entry.js';

/**
 * A stream's sealed chunks, oldest first, and when the next of them may be sent. After a failure one transfer
 * at a time feels the way until one succeeds, so that an outage costs one request a stream and not one a chunk.
 */
export class ChunkQueue<S extends Sidecar> {
  readonly #entries = new Map<number, Entry<S>>();
  #inFlight = 0;
  #failures = 0;
  #gate = 0;

  get size(): number {
    return this.#entries.size;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  [Symbol.iterator](): IterableIterator<Entry<S>> {
    return this.#entries.values();
  }

  add(entry: Entry<S>): void {
    this.#entries.set(entry.sidecar.number, entry);
  }

  remove(entry: Entry<S>): void {
    this.#entries.delete(entry.sidecar.number);
  }

  /** May a transfer of this stream start? `inFlight` counts all of the stream's. */
  isOpen(now: number): boolean {
    return this.#failures === 0 || (this.#inFlight === 0 && now >= this.#gate);
  }

  /** The oldest chunk that may be sent now. Of chunks with the same index only one is under way, in order. */
  next(now: number, busyIndex: number | null): Entry<S> | undefined {
    if (!this.isOpen(now)) return undefined;
    const busy = new Set(busyIndex === null ? [] : [busyIndex]);
    for (const entry of this.#entries.values()) {
      const index = entry.sidecar.chunk_index;
      if (!entry.inFlight && entry.notBefore <= now && !busy.has(index)) return entry;
      busy.add(index);
    }
    return undefined;
  }

  /** When `next` may have something by the passing of time alone. */
  dueAt(now: number): number {
    if (this.#entries.size > 0 && this.#failures > 0 && now < this.#gate) return this.#gate;
    let due = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      if (entry.inFlight) continue;
      if (entry.notBefore <= now) break;
      due = Math.min(due, entry.notBefore);
    }
    return due;
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

  /** Puts the chunk and the stream back for a while. */
  failed(entry: Entry<S> | undefined, error: unknown): void {
    this.#failures += 1;
    this.#gate = Date.now() + backoff(this.#failures, error);
    if (entry === undefined) return;
    entry.attempts += 1;
    entry.notBefore = Date.now() + backoff(entry.attempts, error);
  }

  /** Everything may be tried at once: the stream has another id, or the key works again. */
  reset(): void {
    this.#failures = 0;
    this.#gate = 0;
    for (const entry of this.#entries.values()) entry.notBefore = 0;
  }
}
