import { type FileHandle, open } from 'node:fs/promises';

/**
 * More than any socket takes at once: it must wait until all of a piece has left before it can have the next. Each
 * costs a turn of the event loop and of libuv's threads; with a quarter of that real frames are 7 % slower.
 */
const PIECE = 2 ** 20;
/** As many as an account has transfers at once, unless told otherwise. */
const KEPT = 4;

/** Memory of transfers that are over. Fresh memory for each would pile up until V8 collects. */
const free: Buffer[] = [];

/**
 * Sends a file's first `bytes` bytes as a request body.
 *
 * @param send resolves when the answer is there: a server answers when it has read all
 */
export async function sendFile<T>(
  path: string,
  bytes: number,
  send: (body: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const memory = free.pop() ?? Buffer.allocUnsafeSlow(PIECE);
  const body = filePieces(path, bytes, memory);
  let isAnswered = false;
  try {
    const answer = await send(body);
    isAnswered = true;
    return answer;
  } finally {
    await body.return();
    // After a failure a socket may still hold a piece.
    if (isAnswered && free.length < KEPT) free.push(memory);
  }
}

/**
 * A file's first `bytes` bytes, read into the same memory again and again. A stream of fresh buffers makes the
 * collector stop Node-RED's event loop several times a second, since it counts memory outside its heap.
 *
 * A piece holds until the next one is asked for. undici asks when the socket has handed the one before to the system
 * (`drain`): its sockets hold at most 64 KiB (`highWaterMark`) without asking to wait, a piece is larger. The last
 * piece, which may be smaller, is not overwritten, and nothing is left to do after it: an answer that comes before a
 * body has ended makes transfers hold each other until V8 collects everything.
 */
export async function* filePieces(path: string, bytes: number, memory: Buffer): AsyncGenerator<Buffer, void> {
  const handle = await open(path);
  let piece: Buffer;
  try {
    for (let sent = 0; ; ) {
      piece = memory.subarray(0, Math.min(memory.length, bytes - sent));
      await fill(piece, handle, sent, bytes);
      sent += piece.length;
      if (sent >= bytes) break;
      yield piece;
    }
  } finally {
    await handle.close();
  }
  yield piece;
}

async function fill(piece: Buffer, handle: FileHandle, position: number, bytes: number): Promise<void> {
  for (let filled = 0; filled < piece.length; ) {
    const { bytesRead } = await handle.read(piece, filled, piece.length - filled, position + filled);
    if (bytesRead === 0) throw new Error(`the file ends after ${position + filled} of ${bytes} bytes`);
    filled += bytesRead;
  }
}
