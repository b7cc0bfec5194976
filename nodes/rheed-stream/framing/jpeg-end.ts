import { BROKEN, type ImageEnd, MORE } from './image-end.js';

export const JPEG_SIGNATURE: readonly number[] = [0xff, 0xd8, 0xff];

const EOI = 0xd9;
const SOS = 0xda;

const DRI = 0xdd;

const isRestart = (code: number): boolean => code >= 0xd0 && code <= 0xd7;
/** Those that begin a segment: C0 … FE without the ones that stand alone or are reserved. */
const hasSegment = (code: number): boolean =>
  (code >= 0xc0 && code <= 0xcf) || (code >= SOS && code <= 0xef) || code === 0xfe;
const isStartOfFrame = (code: number): boolean =>
  code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc;

/**
 * Whether a segment can have that length, where its kind says which: bytes that are no JPEG, behind one that broke
 * off, are seen early.
 */
function isLength(code: number, length: number): boolean {
  if (code === SOS) return length >= 8 && length <= 14 && length % 2 === 0;
  if (code === DRI) return length === 4;
  if (isStartOfFrame(code)) return length >= 11 && length <= 20 && length % 3 === 2;
  return length >= 2;
}

/**
 * Where in the file the next byte is: the signature; a marker's 0xFF and its code; the two bytes of a segment's
 * length; within a segment (a thumbnail in it does not end the image); entropy-coded data up to a 0xFF; behind that.
 */
type Place = 'signature' | 'prefix' | 'code' | 'length' | 'segment' | 'scan' | 'scanCode';

/**
 * A JPEG (ITU-T T.81 annex B): markers and their segments, and the entropy-coded data of each scan, in which a 0xFF
 * is followed by 0x00 or a restart marker unless the scan ends there.
 */
export class JpegEnd implements ImageEnd {
  #place: Place = 'signature';
  /** Bytes of the signature or of a length that were seen. */
  #seen = 0;
  #code = 0;
  #hasFrame = false;
  #hasScan = false;
  /** Of the segment: its length, then what is left of it. */
  #left = 0;

  get signed(): boolean {
    return this.#place !== 'signature';
  }

  walk(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (this.#place === 'segment') {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
        if (this.#left === 0) this.#place = this.#code === SOS ? 'scan' : 'prefix';
      } else if (this.#place === 'scan') {
        // A loop over the bytes takes six times as long.
        at = bytes.indexOf(0xff, at);
        if (at < 0) return MORE;
        this.#place = 'scanCode';
        at += 1;
      } else {
        const isEnd = this.#step(bytes[at] as number);
        at += 1;
        if (isEnd === true) return at;
        if (isEnd === BROKEN) return BROKEN;
      }
    }
    return MORE;
  }

  /** One byte of what is not skipped over. True at the image's end. */
  #step(byte: number): true | typeof BROKEN | undefined {
    switch (this.#place) {
      case 'signature':
        if (byte !== JPEG_SIGNATURE[this.#seen]) return BROKEN;
        this.#seen += 1;
        if (this.#seen === JPEG_SIGNATURE.length) this.#place = 'code';
        return undefined;
      case 'prefix':
        if (byte !== 0xff) return BROKEN;
        this.#place = 'code';
        return undefined;
      case 'length':
        this.#left = this.#left * 256 + byte;
        this.#seen += 1;
        if (this.#seen < 2) return undefined;
        if (!isLength(this.#code, this.#left)) return BROKEN;
        if (isStartOfFrame(this.#code)) {
          // A second one is of an image that begins in here.
          if (this.#hasFrame) return BROKEN;
          this.#hasFrame = true;
        }
        this.#hasScan ||= this.#code === SOS;
        this.#left -= 2;
        this.#place = 'segment';
        return undefined;
      case 'scanCode':
        if (byte === 0x00 || isRestart(byte)) {
          this.#place = 'scan';
          return undefined;
        }
        return this.#marker(byte);
      default:
        return this.#marker(byte);
    }
  }

  #marker(code: number): true | typeof BROKEN | undefined {
    if (code === 0xff) return undefined; // fill bytes may stand before any marker
    if (code === EOI) return this.#hasScan ? true : BROKEN;
    if (code === 0x01 || isRestart(code)) {
      this.#place = 'prefix';
      return undefined;
    }
    if (!hasSegment(code)) return BROKEN;
    this.#code = code;
    this.#left = 0;
    this.#seen = 0;
    this.#place = 'length';
    return undefined;
  }
}
