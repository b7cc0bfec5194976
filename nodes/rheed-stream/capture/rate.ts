/** A window is this long, or so many frames of a slow camera. */
const WINDOW_MS = 10_000;
const WINDOW_FRAMES = 20;
/** Off by more than this in so many windows on end is off for good. */
const TOLERANCE = 0.05;
const STANDING = 3;

/** Measures how many frames a second come, and whether they are those that were declared. */
export class Rate {
  #start: number | undefined;
  #last = 0;
  #frames = 0;
  #offWindows = 0;
  /** Frames a second in the last full window, null before there was one. */
  measured: number | null = null;

  /** The declared rate is not the measured one, and that for a while. */
  get isOff(): boolean {
    return this.#offWindows >= STANDING;
  }

  /**
   * Frames of a message.
   *
   * @param at of its first frame, or of its arrival, ms
   * @param areStamps `at` is when the first frame was taken: the frames come after it, else before
   * @returns true at the moment when the rate is found to be off
   */
  saw(frames: number, at: number, areStamps: boolean, fps: number): boolean {
    const gap = at - this.#last;
    this.#last = at;
    // A pause is no rate, nor is a clock that was set.
    if (this.#start === undefined || gap < 0 || gap > Math.max(5_000, 10_000 / fps)) {
      this.#begin(at, areStamps ? frames : 0);
      return false;
    }
    if (!areStamps) this.#frames += frames;
    const span = at - this.#start;
    if (span < Math.max(WINDOW_MS, (1000 * WINDOW_FRAMES) / fps)) {
      if (areStamps) this.#frames += frames;
      return false;
    }
    this.measured = (1000 * this.#frames) / span;
    this.#begin(at, areStamps ? frames : 0);
    const wasOff = this.isOff;
    this.#offWindows = Math.abs(this.measured / fps - 1) > TOLERANCE ? this.#offWindows + 1 : 0;
    return this.isOff && !wasOff;
  }

  #begin(at: number, frames: number): void {
    this.#start = at;
    this.#frames = frames;
  }
}
