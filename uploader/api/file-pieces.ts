import type { FileHandle } from 'node:fs/promises';

/** More than a socket buffers, so that each piece is waited for. */
const PIECE_BYTES = 256 * 1024;

/**
 * A file as a request body, read into one buffer again and again: a buffer for each read, as streams make them, has V8
 * collect its whole heap for every few megabytes sent.
 *
 * The next piece is read when the reader asks for it: it must then be through with the last one. A socket is, once it
 * has drained; every piece but the last is larger than what it takes without draining.
 *
 * @param bytes of the file
 */
export async function* filePieces(file: FileHandle, bytes: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(bytes, PIECE_BYTES));
  for (let at = 0; at < bytes; ) {
    const filled = await fill(file, buffer, at);
    yield buffer.subarray(0, filled);
    if (filled < buffer.length) return;
    at += filled;
  }
}

/** Fills the buffer from `at` on, up to the end of the file. */
async function fill(file: FileHandle, buffer: Uint8Array, at: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
