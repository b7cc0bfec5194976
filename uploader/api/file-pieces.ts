import { open } from 'node:fs/promises';

/** More than any socket takes at once: it must wait until all of a piece has left before it can have the next. */
const PIECE = 256 * 1024;

/**
 * A file's first `bytes` bytes as a request body, read into the same memory again and again. A stream of fresh buffers
 * makes the collector stop Node-RED's event loop several times a second, since it counts memory outside its heap.
 *
 * A piece holds until the next one is asked for. undici asks when the socket has handed the one before to the system
 * (`drain`): its sockets hold at most 64 KiB (`highWaterMark`) without asking to wait, a piece is larger. The last
 * piece, which may be smaller, is not overwritten.
 */
export async function* filePieces(path: string, bytes: number): AsyncGenerator<Buffer, void> {
  const handle = await open(path);
  try {
    const memory = Buffer.allocUnsafeSlow(Math.min(PIECE, bytes));
    for (let sent = 0; sent < bytes; ) {
      const wanted = Math.min(memory.length, bytes - sent);
      let filled = 0;
      while (filled < wanted) {
        const { bytesRead } = await handle.read(memory, filled, wanted - filled, sent + filled);
        if (bytesRead === 0) throw new Error(`the file ends after ${sent + filled} of ${bytes} bytes`);
        filled += bytesRead;
      }
      sent += filled;
      yield memory.subarray(0, filled);
    }
  } finally {
    await handle.close();
  }
}
