interface Heard<T> {
  /** How many came since the last was told. */
  untold: number;
  last: T;
  timer: NodeJS.Timeout;
}

/**
 * Tells the first of a kind at once, and those that follow within a period as one, with their number: a fault
 * that strikes with every frame is a line now and then, and none of them is swallowed.
 */
export class Repeats<T> {
  readonly #period: number;
  readonly #tell: (value: T, untold: number) => void;
  readonly #heard = new Map<string, Heard<T>>();

  /**
   * @param period milliseconds
   * @param tell `untold`: 0 for the first, else how many came since the last that was told, `value` the latest
   */
  constructor(period: number, tell: (value: T, untold: number) => void) {
    this.#period = period;
    this.#tell = tell;
  }

  hear(kind: string, value: T): void {
    const known = this.#heard.get(kind);
    if (known !== undefined) {
      known.untold += 1;
      known.last = value;
      return;
    }
    this.#heard.set(kind, { untold: 0, last: value, timer: this.#later(kind) });
    this.#tell(value, 0);
  }

  /** Tells what is untold; no timer is left. */
  close(): void {
    const all = [...this.#heard.values()];
    this.#heard.clear();
    for (const { untold, last, timer } of all) {
      clearTimeout(timer);
      if (untold > 0) this.#tell(last, untold);
    }
  }

  #later(kind: string): NodeJS.Timeout {
    return setTimeout(() => this.#periodEnds(kind), this.#period).unref();
  }

  #periodEnds(kind: string): void {
    const known = this.#heard.get(kind);
    if (known === undefined) return;
    const { untold, last } = known;
    if (untold === 0) this.#heard.delete(kind);
    else {
      known.untold = 0;
      known.timer = this.#later(kind);
      this.#tell(last, untold);
    }
  }
}
