import { continueFrom } from './continuation.js';
import type { Sidecar } from './spool/entry.js';
import type { KeptChunks } from './spool/kept.js';
import type { Quarantine, QuarantinedChunk } from './spool/quarantine.js';
import { quarantineNumber, type Recovered, recoverFolder } from './spool/recovery.js';
import { lose, type RecordFile } from './spool/stream-record.js';
import { isWhole } from './whole-chunk.js';

/** Those of a quarantine with these chunk indexes; all without any. */
export function chosen(quarantine: Quarantine, indexes?: readonly number[]): QuarantinedChunk[] {
  return quarantine.chunks.filter(
    ({ chunk_index }) => indexes === undefined || indexes.includes(chunk_index),
  );
}

/**
 * Takes chunks of a stream that no process works on back from the quarantine. When the stream had ended on the
 * service, what holds is left for a continuation of it, to be opened by the next process that recovers the folder.
 *
 * @returns what the folder holds now
 */
export async function retryInFolder(
  record: RecordFile,
  quarantine: Quarantine,
  chunks: readonly QuarantinedChunk[],
  kept?: KeptChunks,
): Promise<Recovered> {
  for (const { number } of chunks) await quarantine.takeBack(number);
  const found = await recoverFolder(record, kept);
  const whole: Sidecar[] = [];
  for (const sidecar of found.sidecars) {
    if (await isWhole(record.folder, sidecar)) whole.push(sidecar);
    else
      found.problems.push(
        await quarantineNumber(record, found.quarantine, sidecar.number, 'its checksum does not hold'),
      );
  }
  if (record.data.finalize !== 'done') return { ...found, sidecars: whole };
  if (found.openNumber !== undefined) {
    const reason = 'its journal cannot be read';
    found.problems.push(await quarantineNumber(record, found.quarantine, found.openNumber, reason));
  }
  if (whole.length > 0) {
    await record.update((data) => {
      data.finalize = 'wanted';
      continueFrom(data, Math.min(...whole.map(({ chunk_index }) => chunk_index)));
    });
  }
  return { ...found, sidecars: whole, openNumber: undefined };
}

/** Deletes chunks from the quarantine: the person gives them up, and the report says so. */
export async function discardQuarantined(
  record: RecordFile,
  quarantine: Quarantine,
  chunks: readonly QuarantinedChunk[],
): Promise<void> {
  await record.update((data) => {
    for (const { chunk_index, reason, items } of chunks) {
      lose(data, chunk_index, `discarded: ${reason}`);
      data.counts.items += items;
    }
  });
  for (const { number } of chunks) await quarantine.discard(number);
}
