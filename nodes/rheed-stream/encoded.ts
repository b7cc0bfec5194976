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

/** TIFF, the one format here whose file can hold several frames. */
export function isTiff(bytes: Uint8Array): boolean {
  return TIFF.some((signature) => startsWith(bytes, signature));
}

/** Whether the bytes begin like a PNG, JPEG, TIFF or BMP. */
export function isEncodedImage(bytes: Uint8Array): boolean {
  return SIGNATURES.some((signature) => startsWith(bytes, signature)) || isTiff(bytes) || isBmp(bytes);
}
