/** Small numbered frames and readings of both kinds of stream: what was sent is seen in what arrived. */
import frameArrays from '../../dist/uploader/frame-arrays.js';
import type { FrameBatch, Reading, StreamKind } from '../../dist/uploader/types.js';
import type { Sandbox } from '../../sandbox/server.mts';

export interface LifeOptions {
  readonly kind: StreamKind;
  readonly spoolDir: string;
  readonly endpoint: string;
  /** Of the streams on the service. */
  readonly name: string;
  /** File that gets a line a promise. */
  readonly report: string;
}

/** What a stream's life was promised, in order. */
export type Promised =
  | { readonly started: number }
  | { readonly pushed: number[] }
  | { readonly refused: number[] }
  | { readonly synced: true }
  | { readonly finalize: number }
  | { readonly ended: true };

export const OWNERS = {
  rheed: { node: 'camera', stream: '' },
  timeseries: { node: 'gauge', stream: '' },
} as const;

export const SETTINGS = {
  rheed: { fps: 2, chunkSize: 5 },
  timeseries: { pointsPerChunk: 5, flushInterval: 0, rowWindow: 0 },
} as const;

export const [HEIGHT, WIDTH] = [3, 4];
const BEGAN = 1_700_000_000;

function frame(number: number): Uint8Array {
  const pixels = Uint8Array.from({ length: HEIGHT * WIDTH }, (_, i) => number * 31 + i * 7);
  new DataView(pixels.buffer).setUint32(0, number);
  return pixels;
}

/** Frames of these numbers, two a second. */
export function frames(numbers: readonly number[]): FrameBatch {
  return {
    parts: numbers.map(frame),
    spec: frameArrays.gray8(WIDTH, HEIGHT),
    stamps: numbers.map((n) => (BEGAN + n / 2) * 1000),
  };
}

/** The numbers of frames in pixels; NaN where a pixel is wrong. */
export function numbersOf(pixels: Uint8Array): number[] {
  return Array.from({ length: pixels.length / (HEIGHT * WIDTH) }, (_, n) => {
    const found = Buffer.from(pixels.subarray(n * HEIGHT * WIDTH, (n + 1) * HEIGHT * WIDTH));
    const number = found.readUInt32BE();
    return found.equals(Buffer.from(frame(number))) ? number : Number.NaN;
  });
}

const values = (number: number) => ({ a: number, b: 1 / (number + 1) });

/** Two channels a row, a row a second. */
export function readings(numbers: readonly number[]): Reading[] {
  return numbers.flatMap((number) =>
    Object.entries(values(number)).map(([channel, value]) => ({ channel, time: BEGAN + number, value })),
  );
}

interface Columns {
  readonly [channel: string]: {
    readonly timestamps: readonly number[];
    readonly values: readonly (number | null)[];
  };
}

/** The numbers of rows in columns; NaN where a time or a value is wrong. */
export function rowsOf(columns: Columns): number[] {
  const { a, b } = columns;
  return Array.from(a?.timestamps ?? b?.timestamps ?? [], (time, row) => {
    const number = time - BEGAN;
    const expected = values(number);
    const isWhole =
      b?.timestamps[row] === time && a?.values[row] === expected.a && b.values[row] === expected.b;
    return isWhole ? number : Number.NaN;
  });
}

/** A stream as it stands on the service. */
export interface Arrived {
  readonly dataId: string;
  readonly status: string;
  readonly numbers: number[];
}

/** What arrived under a name, the oldest stream first. */
export async function arrived(sandbox: Sandbox, kind: StreamKind, name: string): Promise<Arrived[]> {
  const streams = sandbox.streams().filter((stream) => stream.name === name);
  return Promise.all(
    streams.reverse().map(async ({ data_id: dataId, pipeline_status: status }) => {
      return { dataId, status, numbers: await arrivedIn(sandbox, kind, dataId) };
    }),
  );
}

/** The numbers that a stream on the service holds, as it holds them. */
export async function arrivedIn(sandbox: Sandbox, kind: StreamKind, dataId: string): Promise<number[]> {
  if (kind === 'timeseries') return rowsOf(await sandbox.readPoints(dataId));
  const numbers: number[] = [];
  for (const { index } of sandbox.stream(dataId)?.chunks ?? [])
    numbers.push(...numbersOf(await sandbox.readFrames(dataId, index)));
  return numbers;
}
