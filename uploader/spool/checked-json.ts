import { native } from '../native.js';

const TRAILER = /,"crc32c":"([0-9a-f]{8})"\}\s*$/;

/** crc32c (Castagnoli) as eight hexadecimal digits. */
export const crcText = (bytes: Uint8Array): string => native().crc32c(bytes).toString(16).padStart(8, '0');

/**
 * JSON whose last member `crc32c` covers the text without that member: still JSON for whoever reads the
 * folder, and a changed byte is seen.
 */
export function encodeChecked(value: object): string {
  const text = JSON.stringify(value);
  return `${text.slice(0, -1)},"crc32c":"${crcText(Buffer.from(text))}"}\n`;
}

/** The value written by `encodeChecked`, or undefined when the text is not whole. */
export function decodeChecked(text: string): unknown {
  const trailer = TRAILER.exec(text);
  if (trailer === null) return undefined;
  const body = `${text.slice(0, trailer.index)}}`;
  if (crcText(Buffer.from(body)) !== trailer[1]) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
