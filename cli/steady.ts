import { setTimeout as sleep } from 'node:timers/promises';
import type { ChunkCheck } from '../uploader/spool/chunk-check.js';
import { type Account, readStream, type StreamFolder } from './spool.js';
import { type ChunkReader, closeChunk, openChunk, type StoredChunk, storedChunks } from './stored-chunks.js';

const LOOKS = 3;
const PAUSE = 500;

/** `missing`: its sidecar is there, its data is not. `gone`: delivered meanwhile. */
export type Looked = { readonly reader: ChunkReader; readonly check: ChunkCheck } | 'missing' | 'gone';

/**
 * Opens and checks a chunk. A running process seals, delivers and moves chunks while they are looked at: what seems
 * damaged then is looked at again.
 */
export async function lookAt(
  { inUse }: Pick<Account, 'inUse'>,
  stream: StreamFolder,
  chunk: StoredChunk,
): Promise<Looked> {
  const looks = inUse === 'no' ? 1 : LOOKS;
  for (let look = 1; ; look += 1) {
    const reader = await openChunk(stream, chunk);
    if (reader !== undefined) {
      const check = await reader.check();
      if (check.verdict !== 'damaged' || look === looks) return { reader, check };
      await closeChunk(reader);
    }
    if (!(await isListed(stream, chunk))) return 'gone';
    if (look === looks) return 'missing';
    await sleep(PAUSE);
  }
}

async function isListed(stream: StreamFolder, { number, folder }: StoredChunk): Promise<boolean> {
  const now = (await readStream(stream.path)) ?? stream;
  return (await storedChunks(now)).some((chunk) => chunk.number === number && chunk.folder === folder);
}
