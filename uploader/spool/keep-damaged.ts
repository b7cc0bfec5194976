import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { RowsReader } from '../timeseries/rows-reader.js';
import type { ChunkCheck } from './chunk-check.js';
import { numbered } from './files.js';
import { FrameReader } from './frame-reader.js';
import { copyIfThere, type Quarantine } from './quarantine.js';
import type { RecordFile } from './stream-record.js';

/**
 * Recovery cuts an open chunk at its first record that does not hold. What stood there and behind it may be confirmed
 * data on a damaged disk: the files as they were are copied to the quarantine before. Half a record at the end is none:
 * its process ended before it was confirmed.
 *
 * @returns in words what does not hold; undefined when all does, or nothing: then the chunk goes there as a whole
 */
export async function keepDamaged(
  record: RecordFile,
  quarantine: Quarantine,
  number: number,
): Promise<string | undefined> {
  const { folder } = record;
  const found = await check(record, number);
  if (found === undefined || found.verdict === 'whole') return undefined;
  // Nothing was being written when the stream was closed in good order.
  const wasClosed = record.data.left?.number === number;
  if (found.verdict === 'torn' && found.isUnconfirmed && !wasClosed) return undefined;
  const { chunk_index = number, detail } = found;
  const files = ['part', 'open', 'json'].map((ending) => numbered(folder, number, ending)).filter(existsSync);
  const reason = `${detail}; what holds before it was delivered, this is all of it as it was found`;
  await quarantine.add(
    number,
    files,
    { reason, code: 'ERR_SPOOL', at: Date.now(), chunk_index },
    copyIfThere,
  );
  return detail;
}

async function check(
  record: RecordFile,
  number: number,
): Promise<(ChunkCheck & { chunk_index: number | undefined }) | undefined> {
  const { folder, data } = record;
  const shortened = await shortOf(record, number);
  if (data.kind === 'timeseries') {
    const rows = await RowsReader.open(folder, number);
    return rows?.isReadable ? { ...rows.check(), ...shortened, chunk_index: rows.chunkIndex } : undefined;
  }
  const { height, width } = data;
  const frames = await FrameReader.open(folder, number, { fps: Number(data.settings.fps), height, width });
  try {
    const found = await frames?.check();
    return found?.held ? { ...found, ...shortened, chunk_index: frames?.chunkIndex } : undefined;
  } finally {
    await frames?.close();
  }
}

/** A journal cut off between two records looks whole; but it was longer when the stream was closed. */
async function shortOf(
  { folder, data }: RecordFile,
  number: number,
): Promise<Pick<ChunkCheck, 'verdict' | 'detail'> | undefined> {
  if (data.left?.number !== number) return undefined;
  const journal = await stat(numbered(folder, number, 'open')).catch(() => undefined);
  const { bytes } = data.left;
  if (journal === undefined || journal.size >= bytes) return undefined;
  return { verdict: 'damaged', detail: `its journal has ${journal.size} of ${bytes} bytes` };
}
