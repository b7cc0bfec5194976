import { ApiError, type AtomscaleError } from '../errors.js';
import { itemsOf, type Sidecar } from './entry.js';
import { numbered, removeIfThere } from './files.js';
import type { KeptChunks } from './kept.js';
import type { Quarantine } from './quarantine.js';
import { dataEnding } from './sealed-chunks.js';
import type { RecordFile, StreamRecord } from './stream-record.js';

/** The file that holds a sealed chunk's data. */
export const dataFile = (folder: string, { kind, number }: Pick<Sidecar, 'kind' | 'number'>): string =>
  numbered(folder, number, dataEnding(kind));

/**
 * Takes a chunk out of the spool, delivered or given up: first in the record, so that a crash in between
 * repeats nothing and an index is never used again.
 *
 * @param kept where its files move if it keeps any; undefined: they are deleted
 */
export async function discardChunk(
  record: RecordFile,
  sidecar: Sidecar,
  kept: KeptChunks | undefined,
  change: (data: StreamRecord) => void,
): Promise<void> {
  const { folder } = record;
  const { number } = sidecar;
  const recorded = record.update((data) => {
    data.acknowledged.push(number);
    settleCounts(data, sidecar);
    change(data);
  });
  const files = [dataFile(folder, sidecar), numbered(folder, number, 'json')];
  let isRecorded = true;
  await recorded.catch(async () => {
    // On a full disk the chunk itself makes room for the record; its sidecar keeps the index taken.
    isRecorded = false;
    await removeIfThere(dataFile(folder, sidecar));
    await record.update(() => undefined);
  });
  if (kept !== undefined && kept.days > 0 && isRecorded) await kept.keep(folder, files);
  else for (const file of files) await removeIfThere(file);
  const { acknowledged } = record.data;
  acknowledged.splice(acknowledged.indexOf(number), 1);
}

/** Moves a chunk that cannot be delivered to the quarantine, with the reason and the service's answer. */
export async function quarantineChunk(
  record: RecordFile,
  quarantine: Quarantine,
  sidecar: Sidecar,
  error: AtomscaleError,
): Promise<void> {
  const { folder } = record;
  const { number, chunk_index } = sidecar;
  // Once its files are away only the record knows that the index was used.
  await record.update((data) => {
    data.next_number = Math.max(data.next_number, number + 1);
  });
  await quarantine.add(number, [dataFile(folder, sidecar), numbered(folder, number, 'json')], {
    reason: error.message,
    code: error.code,
    at: Date.now(),
    data_id: record.generation.data_id,
    chunk_index,
    ...(error instanceof ApiError && error.status !== undefined
      ? { status: error.status, answer: error.detail }
      : {}),
  });
}

function settleCounts(data: StreamRecord, sidecar: Sidecar): void {
  data.next_number = Math.max(data.next_number, sidecar.number + 1);
  data.counts.items += itemsOf(sidecar);
}
