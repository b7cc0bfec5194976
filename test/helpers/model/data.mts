/** What the model's camera and sensors give: everything follows from a number, so that nothing need be kept. */
import type { Reading } from '../../../dist/uploader/types.js';
import { CHUNK_SIZE, FPS, range } from '../uploader.mts';

export const KINDS = ['rheed', 'timeseries'] as const;
export type Kind = (typeof KINDS)[number];

const EPOCH = 1_700_000_000;

export const SETTINGS = {
  rheed: { fps: FPS, chunkSize: CHUNK_SIZE, streamName: 'camera' },
  timeseries: { pointsPerChunk: 12, flushInterval: 2, streamName: 'sensors' },
};

/** Unix seconds of a row. */
export const timeOf = (number: number): number => EPOCH + number;
export const numberAt = (time: number): number => time - EPOCH;

/** A row: one channel always, one at times, which at times says "no reading". */
export function rowOf(number: number): Record<string, number | null> {
  if (number % 17 === 8) return { fast: number, slow: null };
  return number % 3 === 0 ? { fast: number, slow: number + 0.5 } : { fast: number };
}

export const readings = (from: number, count: number): Reading[] =>
  range(from, from + count).flatMap((number) =>
    Object.entries(rowOf(number)).map(([channel, value]) => ({ channel, time: timeOf(number), value })),
  );
