/** A piece of work: done when it returns nothing, else when its promise settles. It answers for its own errors. */
export type Step = () => Promise<unknown> | undefined;

/**
 * Runs the steps of each key in the order they were given. A step runs within the call of `run` as long as none
 * before it is under way: frames are then copied in the turn in which they came, and only an opening holds them back.
 */
export class Sequences {
  /** What waits, of keys with a step under way. Most steps end in the call: no message leaves a trace here. */
  readonly #waiting = new Map<string, Step[]>();

  /** Whether a new step would have to wait. */
  isHeld(key: string): boolean {
    return this.#waiting.has(key);
  }

  run(key: string, step: Step): void {
    const waiting = this.#waiting.get(key);
    if (waiting) {
      waiting.push(step);
      return;
    }
    const work = step();
    if (!work) return;
    if (this.isHeld(key)) {
      // The step has run another one of its own key: what comes next waits for both.
      work.catch(() => undefined);
      this.run(key, () => work);
    } else this.#hold(key, [], work);
  }

  /** Resolves when all that was given is done. */
  async settled(): Promise<void> {
    const last = [...this.#waiting.keys()].map(
      (key) => new Promise<void>((resolve) => this.run(key, () => void resolve())),
    );
    await Promise.all(last);
  }

  #hold(key: string, waiting: Step[], work: Promise<unknown>): void {
    this.#waiting.set(key, waiting);
    const next = () => this.#next(key, waiting);
    work.then(next, next);
  }

  #next(key: string, waiting: Step[]): void {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      const work = step();
      if (work) {
        this.#hold(key, waiting, work);
        return;
      }
    }
    this.#waiting.delete(key);
  }
}
