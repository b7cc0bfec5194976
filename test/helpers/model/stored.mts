/** What arrived at the service, and what the spool's quarantine keeps, as numbers of frames and rows. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import journalModule from '../../../dist/uploader/timeseries/journal.js';
import type { FrameChunk, Sandbox } from '../../../sandbox/server.mts';
import { numbersIn } from '../uploader.mts';
import { type Kind, numberAt, rowOf } from './data.mts';
import type { Outcome, World } from './world.mts';

/** One chunk at the service. A frame that is not bit for bit as it was pushed is NaN. */
export interface Slice {
  readonly dataId: string;
  readonly isClosed: boolean;
  readonly index: number;
  readonly numbers: number[];
  readonly startMs: number | undefined;
}

export async function slicesOf({ sandbox, outcomes }: World, kind: Kind): Promise<Slice[]> {
  const slices: Slice[] = [];
  for (const { data_id: dataId, pipeline_status, kind: of } of sandbox.streams().reverse()) {
    if (of !== kind) continue;
    const isClosed = pipeline_status === 'stream_error';
    const rows = kind === 'timeseries' ? await rowsOf(sandbox, dataId, outcomes.timeseries) : undefined;
    for (const chunk of sandbox.stream(dataId)?.chunks ?? []) {
      const { index } = chunk;
      const numbers = rows?.get(index) ?? numbersIn(await sandbox.readFrames(dataId, index));
      const startMs = rows === undefined ? (chunk as FrameChunk).start_ms : undefined;
      slices.push({ dataId, isClosed, index, numbers, startMs });
    }
  }
  // The other half of a row that the closing of a stream cut through is in another one, whole.
  const whole = new Set(slices.flatMap(({ numbers }) => numbers));
  return slices.map(({ numbers, ...slice }) => ({
    ...slice,
    numbers: numbers.filter((number) => number % 1 !== HALF || !whole.has(number - HALF)),
  }));
}

/** Added to the number of a confirmed row of which only the first half is there. */
export const HALF = 0.5;

/** Rows a chunk. A value that was never read then, nor repeats the channel's last one, makes the row NaN. */
async function rowsOf(
  sandbox: Sandbox,
  dataId: string,
  outcomes: readonly Outcome[],
): Promise<Map<number, number[]>> {
  const points = await sandbox.readPoints(dataId);
  const { fast, slow } = points;
  const rows = new Map<number, number[]>();
  const held = new Map(
    (slow?.timestamps ?? []).map((time, row) => [`${slow?.chunks[row]} ${time}`, slow?.values[row] ?? null]),
  );
  let last: number | null | undefined;
  let former: { index: number; time: number; value: number | null; numbers: number[] } | undefined;
  fast?.timestamps.forEach((time, row) => {
    const number = numberAt(time);
    const expected = rowOf(number);
    const index = fast.chunks[row] as number;
    const value = held.get(`${index} ${time}`) ?? null;
    const firstHalf = former?.time === time && former.value === null && value !== null ? former : undefined;
    const numbers = rows.get(index) ?? [];
    // What a chunk in quarantine says of the channel is not seen here.
    if (former !== undefined && index > former.index + 1) last = undefined;
    former = { index, time, value, numbers };
    // The row of a "no reading" may still belong to the chunk before it, where the channel is held.
    const before = last;
    if (expected.slow !== undefined) last = expected.slow;
    // Not seen here is what was held before the stream, and whether a row without an answer is there as a whole.
    const isSure = outcomes[number] === 'confirmed';
    const isHeld =
      !isSure ||
      last === undefined ||
      value === last ||
      (last === null && (before === undefined || value === before || value === null));
    if (!isSure && expected.slow !== undefined) last = undefined;
    const isFast = fast.values[row] === expected.fast;
    rows.set(index, numbers);
    // A channel that comes back begins another chunk, in the middle of a row: both halves make it whole.
    if (firstHalf !== undefined && isFast && isHeld) firstHalf.numbers[firstHalf.numbers.length - 1] = number;
    else if (isFast && isHeld) numbers.push(number);
    else numbers.push(isFast && value === null ? number + HALF : Number.NaN);
  });
  return rows;
}

export interface Quarantined {
  readonly numbers: Record<Kind, number[]>;
  /** Files of the spool that are neither in quarantine nor the record of a stream with one. */
  readonly leftOver: string[];
}

export async function quarantined(spoolDir: string): Promise<Quarantined> {
  const found: Quarantined = { numbers: { rheed: [], timeseries: [] }, leftOver: [] };
  for (const path of await readdir(join(spoolDir, 'account'), { recursive: true })) {
    const full = join(spoolDir, 'account', path);
    const isKept = path.includes('quarantine');
    if (isKept && path.endsWith('.shard')) found.numbers.rheed.push(...(await framesIn(full)));
    else if (isKept && path.endsWith('.rows')) found.numbers.timeseries.push(...(await rowsIn(full)));
    else if (!isKept && /\.(shard|rows|part|open|tmp)$|\d+\.json$/.test(path)) found.leftOver.push(path);
  }
  return found;
}

async function framesIn(path: string): Promise<number[]> {
  const bytes = await readFile(path);
  const json = await readFile(path.replace('.shard', '.json'), 'utf8');
  const frames = Number(/"frames":(\d+)/.exec(json)?.[1]);
  const index = bytes.subarray(bytes.length - 4 - frames * 16);
  return Array.from({ length: frames }, (_, frame) => {
    const [offset, length] = [index.readBigUInt64LE(frame * 16), index.readBigUInt64LE(frame * 16 + 8)];
    return numbersIn(
      zstdDecompressSync(bytes.subarray(Number(offset), Number(offset + length))),
    )[0] as number;
  });
}

async function rowsIn(path: string): Promise<number[]> {
  const journal = await journalModule.readJournal(path);
  const numbers = new Set<number>();
  for (const record of journal?.records ?? []) {
    if (!('cells' in record)) continue;
    for (const [, time, , value] of record.cells) if (value !== null) numbers.add(numberAt(time));
  }
  return [...numbers];
}
