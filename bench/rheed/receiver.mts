import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { checkUpload, decodeFrame } from '../../sandbox/shards/shard.mts';
import { example } from './examples.mts';
import { chunkBytes, type Workload } from './workload.mts';

/** More is not kept at hand: the machine needs memory for what is measured. */
const MOST_AT_HAND = 2 * 2 ** 30;

/** What the program says of what arrived. */
interface Told {
  readonly ended: boolean;
  readonly complaint: string;
  readonly chunks: readonly {
    readonly index: number;
    readonly dims: string;
    readonly bytes: number;
    readonly at: number;
  }[];
}

/** What arrived, every pixel of it compared. */
export interface Received {
  /** Of all shards. */
  readonly bytes: number;
  readonly frames: number;
  /** sha256 of all pixels in order; where they may be off, of those that were sent. */
  readonly pixels: string;
  /** When each chunk was there, Unix ms, in order of time. */
  readonly arrivals: readonly number[];
}

/** The service's side of a measurement (`native/core/examples/receiver.rs`), in a process of its own. */
export class Receiver {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string, string>;
  readonly #workload: Workload;
  readonly url: string;

  private constructor(
    child: ChildProcess,
    lines: AsyncIterator<string, string>,
    workload: Workload,
    url: string,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.#workload = workload;
    this.url = url;
  }

  static async start(workload: Workload): Promise<Receiver> {
    const bytes = Math.min(chunkBytes(workload) * workload.chunks, MOST_AT_HAND);
    const child = spawn(await example('receiver'), [String(bytes)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]() as AsyncIterator<
      string,
      string
    >;
    return new Receiver(child, lines, workload, (await lines.next()).value);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /**
   * Decodes every frame and compares it with what was sent.
   *
   * @throws Error for the first that is missing or another one
   */
  async verify(): Promise<Received> {
    const folder = await mkdtemp(join(tmpdir(), 'bench-received-'));
    const sent = await readFile(this.#workload.file);
    try {
      this.#child.stdin?.write(`${folder}\n`);
      return await verified(
        JSON.parse((await this.#lines.next()).value) as Told,
        folder,
        sent,
        this.#workload,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await exited;
  }
}

async function verified(
  { ended, complaint, chunks }: Told,
  folder: string,
  sent: Buffer,
  workload: Workload,
): Promise<Received> {
  if (complaint !== '') throw new Error(`${complaint}: not expected here`);
  if (!ended) throw new Error('expected the stream to be ended, it is not');
  if (chunks.length !== workload.chunks)
    throw new Error(`expected ${workload.chunks} chunks, got ${chunks.length}`);
  const hash = createHash('sha256');
  for (const [i, chunk] of chunks.entries()) {
    if (chunk.index !== i) throw new Error(`expected chunk ${i}, got ${chunk.index}`);
    compare(i, chunk.dims, await readFile(join(folder, `${i}.shard`)), sent, workload, hash);
  }
  return {
    bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
    frames: workload.chunks * workload.chunkSize,
    pixels: hash.digest('hex'),
    arrivals: chunks.map(({ at }) => at).sort((one, other) => one - other),
  };
}

/** @throws Error unless a chunk holds the pixels that were sent */
function compare(
  index: number,
  dims: string,
  shard: Uint8Array,
  sent: Buffer,
  { width, height, chunkSize, frames, tolerance = 0 }: Workload,
  hash: Hash,
): void {
  if (dims !== `${chunkSize},${height},${width}`)
    throw new Error(`chunk ${index}: expected ${chunkSize},${height},${width}, got ${dims}`);
  const size = width * height;
  checkUpload(shard, chunkSize).forEach((entry, frame) => {
    const at = (index * chunkSize + frame) % frames;
    const expected = sent.subarray(at * size, (at + 1) * size);
    const pixels = decodeFrame(shard, entry, size, frame);
    if (!isLike(expected, pixels, tolerance))
      throw new Error(`chunk ${index}, frame ${frame}: expected the pixels that were sent, got others`);
    hash.update(tolerance === 0 ? pixels : expected);
  });
}

/** Whether no pixel is off by more gray levels than allowed. */
function isLike(expected: Buffer, pixels: Uint8Array, tolerance: number): boolean {
  if (tolerance === 0) return expected.equals(pixels);
  // A loop takes a tenth of the time of `every`.
  for (let i = 0; i < expected.length; i += 1) {
    if (Math.abs((expected[i] as number) - (pixels[i] as number)) > tolerance) return false;
  }
  return expected.length === pixels.length;
}
