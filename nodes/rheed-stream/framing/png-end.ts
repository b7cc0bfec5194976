import { crc32 } from 'node:zlib';
import { BROKEN, type ImageEnd, MORE } from './image-end.js';

export const PNG_SIGNATURE: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Length and type of a chunk. */
const HEAD = 8;
const CRC = 4;
const LONGEST_CHUNK = 2 ** 31 - 1;

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

/** A PNG (ISO/IEC 15948): chunks from IHDR to IEND. */
export class PngEnd implements ImageEnd {
  #signature = 0;
  readonly #head = new Uint8Array(HEAD);
  #headBytes = 0;
  /** Data that is left of the chunk. */
  #left = 0;
  #type = '';
  /** Of the chunk's type and data so far. */
  #crc = 0;
  /** Bytes of its checksum that were seen. */
  #crcBytes = CRC;

  get signed(): boolean {
    return this.#signature === PNG_SIGNATURE.length;
  }

  walk(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (!this.signed) {
        if (bytes[at] !== PNG_SIGNATURE[this.#signature]) return BROKEN;
        this.#signature += 1;
        at += 1;
      } else if (this.#left > 0) {
        const data = bytes.subarray(at, at + this.#left);
        this.#crc = crc32(data, this.#crc);
        this.#left -= data.length;
        at += data.length;
      } else if (this.#crcBytes < CRC) {
        if (bytes[at] !== this.#checksumByte()) return BROKEN;
        this.#crcBytes += 1;
        at += 1;
        if (this.#crcBytes === CRC && this.#type === 'IEND') return at;
      } else {
        this.#head[this.#headBytes] = bytes[at] as number;
        this.#headBytes += 1;
        at += 1;
        if (this.#headBytes === HEAD && !this.#enter()) return BROKEN;
      }
    }
    return MORE;
  }

  /** Begins the chunk whose head was read; false when it is none. */
  #enter(): boolean {
    const length = new DataView(this.#head.buffer).getUint32(0);
    const letters = this.#head.subarray(4);
    const type = String.fromCharCode(...letters);
    const isFirst = this.#type === '';
    if (!letters.every(isLetter) || length > LONGEST_CHUNK) return false;
    if (isFirst && (type !== 'IHDR' || length !== 13)) return false;
    this.#type = type;
    this.#left = length;
    this.#crc = crc32(letters);
    this.#crcBytes = 0;
    this.#headBytes = 0;
    return true;
  }

  /** The next byte of the checksum as it must be: a PNG that broke off is seen where its chunk ends. */
  #checksumByte(): number {
    return (this.#crc >>> (8 * (CRC - 1 - this.#crcBytes))) & 0xff;
  }
}
