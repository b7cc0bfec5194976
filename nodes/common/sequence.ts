/** A piece of work: done when it returns nothing, else when its promise settles. It answers for its own errors. */
export type Step = () => Promise<unknown> | undefined;

/**
 * Runs steps in the order they were given. A step runs within the call of `run` as long as none before it is
 * under way: frames are then copied in the turn in which they came, and only an opening holds them back.
 */
export class Sequence {
  readonly #idle: () => void;
  readonly #waiting: Step[] = [];
  #held = false;

  /** @param idle called whenever nothing is under way and nothing waits any more */
  constructor(idle: () => void = () => {}) {
    this.#idle = idle;
  }

  /** Whether a new step would have to wait. */
  get held(): boolean {
    return this.#held;
  }

  run(step: Step): void {
    if (this.#held) this.#waiting.push(step);
    else {
      this.#start(step);
      if (!this.#held) this.#idle();
    }
  }

  #start(step: Step): void {
    const work = step();
    if (!work) return;
    this.#held = true;
    const next = () => this.#next();
    work.then(next, next);
  }

  #next(): void {
    this.#held = false;
    while (!this.#held) {
      const step = this.#waiting.shift();
      if (!step) {
        this.#idle();
        return;
      }
      this.#start(step);
    }
  }
}
