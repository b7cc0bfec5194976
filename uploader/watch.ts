const WINDOW = 5;

/**
 * Watches that data flows: the rate over the last seconds, and silence. By the monotonic clock: a lab PC that sets
 * its clock must not end a stream.
 */
export class Watch {
  /** Frames or points a second over the last seconds. */
  rate = 0;
  /** Since when nothing has come although the stream is open, Unix ms. */
  silentSince: number | null = null;
  #counts: number[] = [];
  #current = 0;
  #last = performance.now();
  #interval = 0;
  #ended = false;

  saw(items: number): void {
    const now = performance.now();
    // Slow sensors are silent only when they miss many of their own intervals.
    const gap = now - this.#last;
    this.#interval = this.#interval === 0 ? gap : this.#interval * 0.8 + gap * 0.2;
    this.#last = now;
    this.#current += items;
    this.silentSince = null;
  }

  /** Milliseconds since data came. */
  quietFor(now = performance.now()): number {
    return now - this.#last;
  }

  /** The stream is being finalized: silence is what is wanted. */
  stopped(): void {
    this.#ended = true;
    this.silentSince = null;
  }

  /**
   * Once a second.
   *
   * @param now `performance.now()`
   * @param fps declared frames per second, undefined for readings: their own interval counts
   * @returns true at the moment when silence is noticed: nothing for longer than max(5 s, 10/fps)
   */
  tick(now: number, fps: number | undefined): boolean {
    this.#counts = [...this.#counts, this.#current].slice(-WINDOW);
    this.#current = 0;
    this.rate = this.#counts.reduce((sum, count) => sum + count, 0) / this.#counts.length;
    if (this.#ended || this.silentSince !== null) return false;
    const patience = Math.max(5_000, 10 * (fps === undefined ? this.#interval : 1000 / fps));
    if (this.quietFor(now) <= patience) return false;
    this.silentSince = Date.now() - this.quietFor(now);
    return true;
  }
}
