/** Frames and readings that carry their number and a hash of all they are: each can be checked by itself. */
import { createHash } from 'node:crypto';
import { Random } from './random.mts';

export const [HEIGHT, WIDTH] = [24, 40];
const HASH_AT = 8;
const BODY_AT = HASH_AT + 32;

function hash(frame: Uint8Array): Buffer {
  return createHash('sha256').update(frame.subarray(0, HASH_AT)).update(frame.subarray(BODY_AT)).digest();
}

/** A frame of noise under its camera's number, its own number and their hash. */
export function hashedFrame(camera: number, number: number): Buffer {
  const frame = Buffer.alloc(HEIGHT * WIDTH);
  frame.writeUInt32BE(camera, 0);
  frame.writeUInt32BE(number, 4);
  const random = new Random(number * 16 + camera);
  for (let at = BODY_AT; at < frame.length; at += 4) frame.writeUInt32BE(random.below(2 ** 32), at);
  hash(frame).copy(frame, HASH_AT);
  return frame;
}

/** The numbers of a camera's frames; NaN for one that is not what it was, or another camera's. */
export function framesIn(camera: number, pixels: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < pixels.length; at += HEIGHT * WIDTH) {
    const frame = Buffer.from(pixels.subarray(at, at + HEIGHT * WIDTH));
    const isWhole = frame.readUInt32BE(0) === camera && hash(frame).equals(frame.subarray(HASH_AT, BODY_AT));
    numbers.push(isWhole ? frame.readUInt32BE(4) : Number.NaN);
  }
  return numbers;
}

const EPOCH_MS = 1_700_000_000_000;

/** A message of two channels; one is the number, the other a hash of it. */
export function hashedReading(number: number): { payload: Record<string, number>; timestamp: number } {
  return {
    payload: { number, hash: new Random(number).next() },
    timestamp: EPOCH_MS + number * 10,
  };
}

/** The numbers in a stored timeseries stream; NaN for a row that is not what it was. */
export function readingsIn(
  points: Readonly<Record<string, { timestamps: number[]; values: (number | null)[] }>>,
): number[] {
  const { number, hash: hashes } = points;
  if (number === undefined || hashes === undefined) return [];
  return number.values.map((value, row) => {
    const { payload, timestamp } = hashedReading(Number(value));
    const isWhole =
      hashes.values[row] === payload.hash &&
      [number, hashes].every(({ timestamps }) => Math.round((timestamps[row] ?? 0) * 1000) === timestamp);
    return isWhole ? Number(value) : Number.NaN;
  });
}
