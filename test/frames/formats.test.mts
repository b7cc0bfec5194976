/** Every format in odd sizes, from the message to the shard, pixel by pixel as numpy and Pillow have it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { readFrames } from '../../dist/nodes/rheed-stream/frames.js';
import nativeModule from '../../dist/uploader/native.js';
import { python } from '../helpers/python.mts';

interface Case {
  readonly name: string;
  readonly file: string;
  readonly gray: string;
  readonly settings: Record<string, unknown>;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly clipped: number;
  readonly tolerance: number;
}

describe('pixels of every format', function () {
  this.timeout(300_000);
  let folder: string;
  let cases: readonly Case[];

  before(async function () {
    this.timeout(600_000);
    const found = await python();
    if ('skip' in found) return this.skip();
    folder = mkdtempSync(join(tmpdir(), 'formats-'));
    execFileSync(found.path, [join(import.meta.dirname, 'formats.py'), folder]);
    cases = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
  });

  after(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** The pixels of a message as they lie in its shard, and what was told of them. */
  async function streamed({ file, settings }: Case) {
    const { parts, spec } = readFrames({ payload: readFileSync(join(folder, file)) }, settings);
    const chunk = mkdtempSync(join(folder, 'chunk-'));
    const { ChunkWriter } = nativeModule.native();
    const options = { nextNumber: 0, chunkSize: 100, fps: 10, compression: 'auto', width: 0, height: 0 };
    const writer = new ChunkWriter({ folder: chunk, ...options });
    const pushed = await writer.push([...parts], spec, new Float64Array(), 1e12, null);
    await writer.seal();
    await writer.close();
    const shard = readFileSync(join(chunk, '000000.shard'));
    const index = shard.subarray(shard.length - 16 * pushed.frames - 4);
    const frames = Array.from({ length: pushed.frames }, (_, n) => {
      const [offset, length] = [index.readBigUInt64LE(16 * n), index.readBigUInt64LE(16 * n + 8)].map(Number);
      return zstdDecompressSync(shard.subarray(offset, Number(offset) + Number(length)));
    });
    return { ...pushed, pixels: Buffer.concat(frames) };
  }

  const of = (kind: RegExp, count: number) => async () => {
    const chosen = cases.filter(({ name }) => kind.test(name));
    assert.ok(chosen.length >= count, `${chosen.length} cases`);
    for (const one of chosen) {
      const { frames, height, width, clipped, pixels } = await streamed(one).catch((error: Error) => {
        throw new Error(`${one.name}: ${error.message}`);
      });
      assert.deepEqual([frames, height, width], [one.frames, one.height, one.width], one.name);
      assert.equal(clipped, one.clipped, `${one.name}: clipped pixels`);
      const expected = readFileSync(join(folder, one.gray));
      const off = pixels.reduce(
        (most: number, v: number, n: number) => Math.max(most, Math.abs(v - (expected[n] as number))),
        0,
      );
      assert.ok(off <= one.tolerance, `${one.name}: off by ${off} levels`);
    }
  };

  it('samples in two bytes, in both orders and alignments, by every depth', of(/^mono1[026] /, 8 * 3 * 12));
  it('packed samples, by every depth', of(/^mono1[02](p|packed) /, 8 * 3 * 4));
  it('8 bits of gray, colour and mosaics', of(/^(mono8|rgb|bgr|rgba|bayer)/, 8 * 8));
  it('frames behind headers', of(/headers/, 8));
  it('regions, binned and flipped', of(/^region/, 2 * 12));
  it('PNG', of(/^PNG/, 8 * 9));
  it('TIFF', of(/^TIFF/, 8 * 18));
  it('BMP', of(/^BMP/, 8 * 4));
  it('PGM', of(/^PGM/, 8 * 4));
  it('JPEG, but for rounding', of(/^JPEG/, 8 * 4));
});
