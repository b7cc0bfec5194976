/** BITMAPINFOHEADER and its kin: the sizes a BMP's second header can have. */
const BMP_HEADERS = [12, 16, 40, 52, 56, 64, 108, 124];

const SIGNATURES: readonly (readonly number[])[] = [
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], // PNG
  [0xff, 0xd8, 0xff], // JPEG
];

const TIFF: readonly (readonly number[])[] = [
  [0x49, 0x49, 0x2a, 0x00],
  [0x4d, 0x4d, 0x00, 0x2a],
];

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}

/** Two letters are not enough: "BM" begins one in 65,536 frames of noise. */
function isBmp(bytes: Uint8Array): boolean {
  if (bytes.length < 18 || !startsWith(bytes, [0x42, 0x4d])) return false;
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(14, true);
  return BMP_HEADERS.includes(header);
}

/** Space and comments between the words of a PGM's head, and the whole head: magic, width, height, maximum. */
const GAP = '(?:\\s|#[^\\n\\r]*[\\n\\r])+';
const PGM = new RegExp(`^P[25](?=\\s)${GAP}(\\d+)${GAP}(\\d+)${GAP}(\\d+)\\s`);

/** Bytes of a PGM's image, its head included; of P2, whose pixels are digits, all that there are. */
export function pgmBytes(bytes: Uint8Array): number | undefined {
  // Two letters are not enough here either: the head must be whole.
  if (bytes[0] !== 0x50 || (bytes[1] !== 0x32 && bytes[1] !== 0x35)) return undefined;
  const head = PGM.exec(
    Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString('latin1'),
  );
  if (!head) return undefined;
  if (bytes[1] === 0x32) return bytes.length;
  return head[0].length + Number(head[1]) * Number(head[2]) * (Number(head[3]) > 255 ? 2 : 1);
}

/** TIFF and PGM: the formats whose file can hold several frames. */
export function holdsSeveral(bytes: Uint8Array): boolean {
  return TIFF.some((signature) => startsWith(bytes, signature)) || pgmBytes(bytes) !== undefined;
}

/** Whether the bytes begin like a PNG, JPEG, TIFF, BMP or PGM. */
export function isEncodedImage(bytes: Uint8Array): boolean {
  return SIGNATURES.some((signature) => startsWith(bytes, signature)) || isBmp(bytes) || holdsSeveral(bytes);
}
