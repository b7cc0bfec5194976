import { AtomscaleError } from '../../../uploader/errors.js';
import type { Joiner } from './joiner.js';
import { JPEG_SIGNATURE } from './jpeg-end.js';
import { PNG_SIGNATURE } from './png-end.js';

/** Settles by the first bytes of a source what it sends, images or raw frames, and for as long as it sends. */
export class AutoJoiner implements Joiner {
  readonly #choose: (images: boolean) => Joiner;
  /** Too few to tell. */
  #first = new Uint8Array();
  #chosen: Joiner | undefined;
  #isBeginningLost = false;

  constructor(choose: (images: boolean) => Joiner) {
    this.#choose = choose;
  }

  get images(): boolean | undefined {
    return this.#chosen?.images;
  }

  get begun(): boolean {
    return this.#chosen?.begun ?? this.#first.length > 0;
  }

  get atEnd(): boolean {
    return this.#chosen?.atEnd ?? !this.begun;
  }

  take(slice: Uint8Array): Uint8Array[] {
    if (this.#chosen) return this.#chosen.take(slice);
    if (this.#isBeginningLost) {
      throw new AtomscaleError(
        'ERR_FRAME_FORMAT',
        'format: expected image or a raw format, got auto and the middle of a byte stream, whose first bytes would ' +
          'tell; set the format',
      );
    }
    const bytes = this.#first.length > 0 ? Buffer.concat([this.#first, slice]) : slice;
    const images = [JPEG_SIGNATURE, PNG_SIGNATURE].map((signature) => begins(bytes, signature));
    if (images.includes(undefined) && !images.includes(true)) {
      this.#first = Uint8Array.from(bytes);
      return [];
    }
    this.#first = new Uint8Array();
    this.#chosen = this.#choose(images.includes(true));
    return this.#chosen.take(bytes);
  }

  gap(bytes: number): void {
    if (this.#chosen) this.#chosen.gap(bytes);
    else this.#isBeginningLost = true;
  }

  drop(): void {
    if (this.#chosen) this.#chosen.drop();
    else if (this.begun) this.#isBeginningLost = true;
  }
}

/** Whether the bytes begin like this; undefined while there are too few of them to tell. */
function begins(bytes: Uint8Array, signature: readonly number[]): boolean | undefined {
  const known = signature.slice(0, bytes.length);
  if (known.some((byte, index) => bytes[index] !== byte)) return false;
  return bytes.length >= signature.length ? true : undefined;
}
