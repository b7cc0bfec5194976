/**
 * Counts what is under way, for those who wait until nothing is.
 *
 * A Set of promises would tell the same, but V8 keeps all that ever was in one: the table that additions and removals
 * have used up points to the next, and of an old table V8's young collector follows the whole chain. That goes on
 * until it collects everything, which may be an hour later.
 */
export class UnderWay {
  #count = 0;
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  began(): void {
    this.#count += 1;
  }

  ended(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when nothing is under way. */
  async none(): Promise<void> {
    while (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
