/**
 * Pixels of an uncompressed 8-bit gray BMP, rows from the top.
 *
 * @throws Error for any other file
 */
export function grayBmp(file: Buffer): { width: number; height: number; pixels: Buffer } {
  const [offset, width, height] = [file.readUInt32LE(10), file.readInt32LE(18), file.readInt32LE(22)];
  const [bits, compression] = [file.readUInt16LE(28), file.readUInt32LE(30)];
  if (file.toString('latin1', 0, 2) !== 'BM' || bits !== 8 || compression !== 0)
    throw new Error(`expected an uncompressed 8-bit BMP, got ${bits} bits, compression ${compression}`);
  const stride = Math.ceil(width / 4) * 4;
  const rows = Math.abs(height);
  const pixels = Buffer.alloc(width * rows);
  for (let row = 0; row < rows; row += 1) {
    // Rows are stored from the bottom unless the height is negative.
    const at = offset + (height > 0 ? rows - 1 - row : row) * stride;
    file.copy(pixels, row * width, at, at + width);
  }
  return { width, height: rows, pixels };
}
