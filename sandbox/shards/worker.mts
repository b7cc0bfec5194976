/** The thread that checks, stores and decodes shards, so that the server's event loop stays free. */
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { brightestSpot, meanOf, meanWithin } from './intensity.mts';
import { checkUpload, decodeFrame, padShard, readIndex, ShardError } from './shard.mts';
import type { Job, Outcome, ReadJob, SpotJob, StoreJob, StoreResult } from './shards.mts';

parentPort?.on('message', ({ id, job }: { id: number; job: Job }) => {
  const { outcome, transfer } = attempt(job);
  parentPort?.postMessage({ id, outcome }, transfer);
});

function attempt(job: Job): { outcome: Outcome; transfer: ArrayBuffer[] } {
  try {
    if (job.kind === 'store') {
      const value = store(job);
      return { outcome: { value }, transfer: [value.means.buffer, value.spot.buffer, value.last.buffer] };
    }
    const value = job.kind === 'read' ? read(job) : spot(job);
    return { outcome: { value }, transfer: [value.buffer] };
  } catch (error) {
    const { message } = error as Error;
    return {
      outcome: error instanceof ShardError ? { refused: message } : { failed: message },
      transfer: [],
    };
  }
}

function store(job: StoreJob): StoreResult {
  const { file, n, height, width, chunkSize } = job;
  const entries = checkUpload(job.body, n);
  const means = new Float32Array(n);
  const spotMeans = new Float32Array(n);
  let roi = job.roi;
  let last = new Uint8Array(0);
  entries.forEach((entry, frame) => {
    const pixels = decodeFrame(job.body, entry, height * width, frame);
    roi ??= brightestSpot(pixels, height, width);
    means[frame] = meanOf(pixels);
    spotMeans[frame] = meanWithin(pixels, width, roi);
    if (frame === n - 1) last = Uint8Array.from(pixels);
  });
  mkdirSync(dirname(file), { recursive: true });
  const open = openSync(`${file}.part`, 'w');
  try {
    for (const part of padShard(job.body, n, chunkSize)) writeSync(open, part);
  } finally {
    closeSync(open);
  }
  renameSync(`${file}.part`, file);
  return { means, spot: spotMeans, roi: roi as StoreResult['roi'], last };
}

function read({ file, frames, height, width, chunkSize }: ReadJob): Uint8Array<ArrayBuffer> {
  const shard = readFileSync(file);
  const entries = readIndex(shard, chunkSize);
  const out = new Uint8Array(frames.length * height * width);
  frames.forEach((frame, position) => {
    const entry = entries[frame];
    // An absent frame reads as fill_value 0.
    if (entry) out.set(decodeFrame(shard, entry, height * width, frame), position * height * width);
  });
  return out;
}

function spot({ file, n, height, width, chunkSize, roi }: SpotJob): Float32Array<ArrayBuffer> {
  const shard = readFileSync(file);
  const entries = readIndex(shard, chunkSize);
  const means = new Float32Array(n);
  for (let frame = 0; frame < n; frame += 1) {
    const entry = entries[frame];
    if (entry) means[frame] = meanWithin(decodeFrame(shard, entry, height * width, frame), width, roi);
  }
  return means;
}
