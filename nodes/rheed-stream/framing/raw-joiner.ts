import { Assembly } from './assembly.js';
import type { Cut, Joiner } from './joiner.js';

/** Raw frames, by their size: the source begins with a frame, and one follows the other. */
export class RawJoiner implements Joiner {
  readonly images = false;
  readonly #size: number;
  readonly #cut: (why: Cut) => void;
  readonly #assembly = new Assembly();
  /** Bytes of a frame that is none any more, until the next one begins. */
  #skip = 0;

  /**
   * @param size bytes of a frame, its header included
   * @param cut told of each frame that had begun and is not sent
   */
  constructor(size: number, cut: (why: Cut) => void) {
    this.#size = size;
    this.#cut = cut;
  }

  get begun(): boolean {
    return this.#assembly.length > 0;
  }

  get atEnd(): boolean {
    return !this.begun && this.#skip === 0;
  }

  take(slice: Uint8Array): Uint8Array[] {
    const parts: Uint8Array[] = [];
    let at = Math.min(this.#skip, slice.length);
    this.#skip -= at;
    if (this.begun) {
      at = Math.min(this.#size - this.#assembly.length, slice.length);
      this.#assembly.append(slice.subarray(0, at));
      if (this.#assembly.length === this.#size) parts.push(this.#assembly.finish());
    }
    const left = slice.length - at;
    const whole = left - (left % this.#size);
    if (whole > 0) parts.push(slice.subarray(at, at + whole));
    if (whole < left) this.#assembly.append(slice.subarray(at + whole), this.#size);
    return parts;
  }

  gap(bytes: number): void {
    const before = this.begun ? this.#assembly.length : this.#size - this.#skip;
    if (this.begun) this.#cut('broken');
    this.#assembly.clear();
    this.#skip = this.#rest(before + bytes);
  }

  drop(): void {
    if (this.begun) {
      this.#skip = this.#rest(this.#assembly.length);
      this.#cut('ended');
    }
    this.#assembly.clear();
  }

  /** Bytes from there to the end of the frame. */
  #rest(position: number): number {
    return (this.#size - (position % this.#size)) % this.#size;
  }
}
