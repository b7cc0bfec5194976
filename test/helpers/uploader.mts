/** The uploader against a sandbox, as nodes use it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import frameArrays from '../../dist/uploader/frame-arrays.js';
import type { RheedStream } from '../../dist/uploader/rheed.js';
import type { FrameBatch, StatusEvent, StreamEvent } from '../../dist/uploader/types.js';
import uploaderModule, {
  type AnyStream,
  type Uploader,
  type UploaderOptions,
} from '../../dist/uploader/uploader.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';

export const FPS = 10;
export const CHUNK_SIZE = 20;
export const [HEIGHT, WIDTH] = [12, 16];

/** A frame that carries its number: in its first four bytes, and as a pattern in the others. */
export function numberedFrame(number: number): Uint8Array {
  const frame = new Uint8Array(HEIGHT * WIDTH);
  for (let i = 4; i < frame.length; i += 1) frame[i] = (number * 31 + i * 7) & 0xff;
  new DataView(frame.buffer).setUint32(0, number);
  return frame;
}

/** Frames `from` … `from + count − 1` as one message, stamped evenly from a fixed beginning. */
export function batch(from: number, count: number): FrameBatch {
  const parts = Array.from({ length: count }, (_, i) => numberedFrame(from + i));
  return { parts, spec: frameArrays.gray8(WIDTH, HEIGHT), stamps: [1_700_000_000_000 + (from * 1000) / FPS] };
}

/** A folder and the uploaders on it, released at the end. */
export class Bench {
  readonly spoolDir: string;
  readonly #uploaders: Uploader[] = [];

  private constructor(spoolDir: string) {
    this.spoolDir = spoolDir;
  }

  static async make(): Promise<Bench> {
    return new Bench(await mkdtemp(join(tmpdir(), 'atomscale-spool-')));
  }

  async acquire(options: Partial<UploaderOptions>): Promise<Uploader> {
    const uploader = await uploaderModule.Uploader.acquire({
      id: 'account',
      apiKey: 'key',
      spoolDir: this.spoolDir,
      spoolMinFreeBytes: 0,
      clockSync: false,
      logger: { error() {}, warn() {}, info() {}, debug() {} },
      ...options,
    });
    this.#uploaders.push(uploader);
    return uploader;
  }

  async release(uploader: Uploader): Promise<void> {
    this.#uploaders.splice(this.#uploaders.indexOf(uploader), 1);
    await uploader.release();
  }

  async end(): Promise<void> {
    await Promise.all(this.#uploaders.map((uploader) => uploader.release()));
    await rm(this.spoolDir, { recursive: true, force: true });
  }
}

/** Gives each test of a suite a folder for spools and a sandbox of its own; they go when it has ended. */
export function freshEach(give: (fresh: { bench: Bench; sandbox: Sandbox }) => void): void {
  let bench: Bench;
  let sandbox: Sandbox;
  beforeEach(async () => {
    bench = await Bench.make();
    sandbox = await startSandbox();
    give({ bench, sandbox });
  });
  afterEach(async () => {
    await bench.end();
    await sandbox.close();
  });
}

export const RHEED_SETTINGS = { fps: FPS, chunkSize: CHUNK_SIZE, streamName: 'run' };

/** Everything a stream tells. */
export class Ears {
  readonly streams: StreamEvent[] = [];
  readonly statuses: StatusEvent[] = [];
  readonly problems: Error[] = [];

  constructor(stream: AnyStream) {
    stream.on('stream', (event) => this.streams.push(event));
    stream.on('status', (event) => this.statuses.push(event));
    stream.on('problem', (error) => this.problems.push(error));
  }

  stream(event: StreamEvent['event']): Promise<StreamEvent> {
    return until(() => this.streams.find((one) => one.event === event), `the stream event ${event}`);
  }

  status(event: StatusEvent['event']): Promise<StatusEvent> {
    return until(() => this.statuses.find((one) => one.event === event), `the status ${event}`);
  }
}

/** Waits until `look` sees something; says what was waited for when it never comes. */
export async function until<T>(
  look: () => T | undefined | false | null,
  what: string,
  seconds = 40,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const seen = look();
    if (seen !== undefined && seen !== false && seen !== null) return seen;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(20);
  }
}

/** The numbers of the frames in pixels as the sandbox stores them. */
export function numbersIn(pixels: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < pixels.length; at += HEIGHT * WIDTH) {
    const frame = pixels.subarray(at, at + HEIGHT * WIDTH);
    const number = new DataView(frame.buffer, frame.byteOffset).getUint32(0);
    const isWhole = Buffer.from(frame).equals(Buffer.from(numberedFrame(number)));
    numbers.push(isWhole ? number : Number.NaN);
  }
  return numbers;
}

/** The numbers of the frames that the sandbox has of a stream. */
export async function storedNumbers(sandbox: Sandbox, dataId: string | null): Promise<number[]> {
  const numbers: number[] = [];
  for (const { index } of sandbox.stream(dataId as string)?.chunks ?? [])
    numbers.push(...numbersIn(await sandbox.readFrames(dataId as string, index)));
  return numbers;
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

export async function pushAll(stream: RheedStream, from: number, to: number, at = 5): Promise<void> {
  for (let number = from; number < to; number += at)
    await stream.push(batch(number, Math.min(at, to - number)));
}

/** A port where nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
