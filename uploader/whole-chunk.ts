import { coded, native } from './native.js';
import { dataFile } from './spool/chunk-files.js';
import type { Sidecar } from './spool/entry.js';
import { readJournal } from './timeseries/journal.js';

/** Compares a sealed chunk's data with its checksums. */
export async function isWhole(folder: string, sidecar: Sidecar): Promise<boolean> {
  const path = dataFile(folder, sidecar);
  if (sidecar.kind === 'rheed') return coded(path, () => native().verifyShard(path, sidecar.shard_crc32c));
  return (await readJournal(path))?.cutBytes === 0;
}
