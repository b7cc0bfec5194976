import { pgmBytes } from '../encoded.js';

const LITTLE = 0x4949;
const BIG = 0x4d4d;
const ENTRY = 12;

/**
 * Images in a TIFF file, by the chain of its directories; 0 when it is none.
 *
 * @param most where counting ends, so that a chain in a circle does
 */
export function tiffPages(bytes: Uint8Array, most: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = bytes.length < 8 ? 0 : view.getUint16(0);
  if (order !== LITTLE && order !== BIG) return 0;
  const little = order === LITTLE;
  let pages = 0;
  let at = view.getUint32(4, little);
  while (at !== 0 && at + 2 <= bytes.length && pages < most) {
    pages += 1;
    const next = at + 2 + view.getUint16(at, little) * ENTRY;
    at = next + 4 <= bytes.length ? view.getUint32(next, little) : 0;
  }
  return pages;
}

/** Images in a PGM file, one behind the other; 0 when it is none. */
function pgmImages(bytes: Uint8Array, most: number): number {
  let images = 0;
  for (let at = 0; at < bytes.length && images < most; images += 1) {
    const length = pgmBytes(bytes.subarray(at));
    if (length === undefined) break;
    at += length;
  }
  return images;
}

/**
 * Images in an encoded file, without decoding it: what is neither TIFF nor PGM holds one.
 *
 * @param most where counting ends
 */
export function imagesIn(bytes: Uint8Array, most: number): number {
  return tiffPages(bytes, most) || pgmImages(bytes, most) || 1;
}
