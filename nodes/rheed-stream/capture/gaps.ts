/** A frame is missed when the next one comes later than this many frames. */
const LATE = 1.5;

/** Counts the frames that are missing between those that came, by their capture times. */
export class Gaps {
  #last: number | undefined;
  /** The gap before the last frame, in frames, when it was long: the frame may just have been late. */
  #open = 0;
  /** Frames missing so far. */
  missing = 0;

  /**
   * The next frame.
   *
   * @param at when it was taken, ms
   * @param late frames of the declared rate after which one is missing; thinned ones are less even
   * @returns frames that are found missing now
   */
  saw(at: number, fps: number, late = LATE): number {
    const gap = ((at - (this.#last ?? at)) * fps) / 1000;
    const isBack = gap < 0;
    this.#last = at;
    // What follows sooner makes up for it.
    const found = this.#open === 0 || isBack ? 0 : Math.max(0, Math.round(this.#open + Math.min(gap, 1)) - 2);
    this.#open = !isBack && gap > late ? gap : 0;
    this.missing += found;
    return found;
  }

  /** So many frames followed the last one without a gap. */
  skip(frames: number, fps: number): void {
    if (this.#last !== undefined) this.#last += (1000 * frames) / fps;
  }
}
