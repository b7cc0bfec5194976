import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { zstdDecompressSync } from 'node:zlib';
import type * as Native from '../native/index.d.ts';

const require = createRequire(import.meta.url);
const built = fileURLToPath(new URL('../dist/native/', import.meta.url));
const binary = join(built, readdirSync(built).find((name) => name.endsWith('.node')) ?? 'missing');
const native: typeof Native = require(binary);

const WIDTH = 40;
const HEIGHT = 30;
const ARRIVAL = 1_700_000_000_000;
const NO_STAMPS = new Float64Array();
const SPEC: Native.FrameSpec = {
  format: 'auto',
  width: WIDTH,
  height: HEIGHT,
  headerBytes: 0,
  bigEndian: false,
  msbAligned: false,
  significantBits: 8,
  depth: 'full-scale',
  low: 0,
  high: 0,
};

/** A frame of one gray level. */
const flat = (level: number) => new Uint8Array(WIDTH * HEIGHT).fill(level);

/** The frames of a shard, read by its index. */
function readShard(path: string, frames: number): Buffer[] {
  const bytes = readFileSync(path);
  const index = bytes.subarray(bytes.length - 16 * frames - 4, -4);
  assert.equal(bytes.readUInt32LE(bytes.length - 4), native.crc32c(index));
  return Array.from({ length: frames }, (_, n) => {
    const offset = Number(index.readBigUInt64LE(16 * n));
    return zstdDecompressSync(bytes.subarray(offset, offset + Number(index.readBigUInt64LE(16 * n + 8))));
  });
}

describe('native', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'native-'));
  });

  afterEach(() => {
    native.setMemoryLimit(128 * 2 ** 20);
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });

  const writer = (options: Partial<Native.WriterOptions> = {}) =>
    new native.ChunkWriter({
      folder,
      nextNumber: 0,
      chunkSize: 10,
      fps: 10,
      compression: '1',
      width: 0,
      height: 0,
      ...options,
    });

  const push = (to: Native.ChunkWriter, ...parts: Uint8Array[]) =>
    to.push(parts, SPEC, NO_STAMPS, ARRIVAL, null);

  it('copies the bytes in the call', async () => {
    const w = writer();
    const shared = flat(7);
    const pushed = push(w, shared, shared);
    shared.fill(99);
    structuredClone(shared, { transfer: [shared.buffer] }); // detaches it
    assert.deepEqual(await pushed, {
      frames: 2,
      clipped: 0,
      sampleBits: 0,
      sealed: [],
      height: HEIGHT,
      width: WIDTH,
    });
    const sealed = await w.seal();
    assert.equal(sealed?.startMs, ARRIVAL - 200);
    for (const frame of readShard(join(folder, '000000.shard'), 2))
      assert.deepEqual(frame, Buffer.from(flat(7)));
    await w.close();
  });

  it('reads lent bytes in place, and keeps them though nobody else does', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const [w, count] = [writer({ chunkSize: 64 }), 64];
    const noise = randomBytes(WIDTH * HEIGHT);
    const lent = (n: number) =>
      w.push([noise.map((value) => value + n)], SPEC, NO_STAMPS, ARRIVAL, {
        chunkIndex: 0,
        before: n,
        more: n + 1 < count,
        lent: true,
      });
    const pushed = Array.from({ length: count }, (_, n) => lent(n));
    gc();
    await Promise.all(pushed);
    gc();
    for (const [n, frame] of readShard(join(folder, '000000.shard'), count).entries())
      assert.deepEqual(frame, Buffer.from(noise.map((value) => value + n)));
    await w.close();
  });

  it('settles in the order of the calls, bad ones among them, and keeps the frames in order', async () => {
    const w = writer({ chunkSize: 1000 });
    const settled: number[] = [];
    const calls = Array.from({ length: 400 }, (_, n) => {
      const call =
        n % 9 === 4 ? push(w, new Uint8Array(n)) : push(w, ...Array(n % 5 === 0 ? 8 : 1).fill(flat(n % 251)));
      return call.then(
        () => settled.push(n),
        (error: Error) => {
          assert.match(error.message, /^ERR_FRAME_SHAPE: expected a multiple of 1200 bytes/);
          settled.push(n);
        },
      );
    });
    const seal = w.seal().then((chunk) => {
      settled.push(400);
      return chunk;
    });
    await Promise.all(calls);
    const expected = Array.from({ length: 400 }, (_, n) => n)
      .filter((n) => n % 9 !== 4)
      .flatMap((n) => Array<number>(n % 5 === 0 ? 8 : 1).fill(n % 251));
    assert.equal((await seal)?.frames, expected.length);
    assert.deepEqual(
      settled,
      Array.from({ length: 401 }, (_, n) => n),
    );
    const read = readShard(join(folder, '000000.shard'), expected.length).map((frame) => frame[0]);
    assert.deepEqual(read, expected);
    await w.close();
  });

  it('refuses in the call when too much is in flight, and takes the next when it is not', async function () {
    this.timeout(20_000);
    native.setMemoryLimit(3 * WIDTH * HEIGHT);
    const large = { ...SPEC, width: 1000, height: 1200 };
    const noise = new Uint8Array(randomBytes(large.width * large.height));
    // Larger than the limit, it passes alone; a whole chunk of level 19 takes a while: by now it is not on disk.
    const slow = writer({ chunkSize: 100, compression: '19' }).push(
      Array(8).fill(noise),
      large,
      NO_STAMPS,
      ARRIVAL,
      { chunkIndex: 0, before: 0, more: false, lent: false },
    );
    assert.ok(native.memoryInFlight() >= 8 * noise.length);
    assert.throws(() => push(writer(), flat(2)), /^Error: ERR_OVERLOAD: /);
    assert.equal((await slow).frames, 8);
    assert.equal(native.memoryInFlight(), 0);
    const next = writer({ nextNumber: 1 });
    assert.equal((await push(next, flat(3))).frames, 1);
    assert.equal(next.openFrames, 1);
    await next.close();
  });

  it('names a chunk by the index given with its frames', async () => {
    const w = writer();
    await push(w, flat(1));
    const { sealed } = await w.push([flat(2), flat(3)], SPEC, new Float64Array([5000]), ARRIVAL, {
      chunkIndex: 17,
      before: 0,
      more: false,
      lent: false,
    });
    assert.deepEqual(
      sealed.map(({ number, chunkIndex, frames, startMs }) => ({ number, chunkIndex, frames, startMs })),
      [
        { number: 0, chunkIndex: 0, frames: 1, startMs: ARRIVAL - 100 },
        { number: 1, chunkIndex: 17, frames: 2, startMs: 5000 },
      ],
    );
    assert.equal(await w.seal(), null);
    await w.close();
  });

  it('cuts, bins and turns frames, and tells what it saw of their samples', async () => {
    const w = writer();
    const samples = Uint16Array.of(16, 32, 64, 80, 1040, 1023, 48, 96);
    const region = { x: 1, y: 0, width: 3, height: 0, bin: 1, flip: 'horizontal' };
    const spec = { ...SPEC, format: 'mono10', width: 4, height: 2, significantBits: 10, region };
    const part = Buffer.from(samples.buffer);
    if (endianness() === 'BE') part.swap16();
    const { frames, clipped, sampleBits, height, width } = await w.push(
      [part],
      spec,
      NO_STAMPS,
      ARRIVAL,
      null,
    );
    assert.deepEqual([frames, clipped, sampleBits, height, width], [1, 1, 0xffff, 2, 3]);
    const outside = { ...spec, region: { ...region, width: 4 } };
    await assert.rejects(
      w.push([part], outside, NO_STAMPS, ARRIVAL, null),
      /^Error: ERR_FRAME_SHAPE: .*4×2.*columns 1 to 4/,
    );
    await w.seal();
    assert.deepEqual([...(readShard(join(folder, '000000.shard'), 1)[0] ?? [])], [20, 16, 8, 24, 12, 255]);
    const wrong = { ...spec, region: { ...region, bin: 3 } };
    await assert.rejects(w.push([part], wrong, NO_STAMPS, ARRIVAL, null), /^Error: ERR_FRAME_FORMAT: .*bin/);
    await w.close();
  });

  it('leaves an open chunk that recovery seals, and a sidecar that tells how to verify it', async () => {
    const w = writer();
    for (const level of [1, 2, 3]) await push(w, flat(level));
    await w.sync();
    await w.close();
    await assert.rejects(push(w, flat(4)), /^Error: ERR_NATIVE: .*closed/);
    const part = join(folder, '000000.part');
    writeFileSync(part, 'torn', { flag: 'a' });
    const recovered = await native.recoverChunk(folder, 0, 10);
    assert.equal(recovered.framesKept, 3);
    assert.equal(recovered.bytesCut, 4);
    assert.match(recovered.damaged ?? '', /4 bytes behind/);
    const sidecar = JSON.parse(readFileSync(join(folder, '000000.json'), 'utf8'));
    assert.equal(sidecar.bytes, recovered.sealed?.bytes);
    assert.equal(sidecar.start_ms, recovered.sealed?.startMs);
    const shard = join(folder, '000000.shard');
    assert.equal(await native.verifyShard(shard, sidecar.shard_crc32c), true);
    assert.equal(await native.verifyShard(shard, '00000000'), false);
    await assert.rejects(native.verifyShard(`${shard}s`, '00000000'), /^Error: ERR_SPOOL: /);
    assert.deepEqual(await native.recoverChunk(folder, 5, 10), {
      sealed: null,
      framesKept: 0,
      bytesCut: 0,
      damaged: `expected a journal ${join(folder, '000005.open')}, found none`,
    });
    if (process.platform !== 'win32') assert.equal(statSync(shard).mode & 0o777, 0o600);
  });

  it('gives back the pixels of a frame, or nothing when it is not whole', async () => {
    const w = writer();
    await push(w, flat(7), flat(8));
    await w.seal();
    await w.close();
    const shard = readFileSync(join(folder, '000000.shard'));
    const length = native.frameLength(shard) as number;
    const frame = shard.subarray(0, length);
    assert.deepEqual(native.decodeFrame(frame, WIDTH * HEIGHT), flat(7));
    assert.equal(native.decodeFrame(frame, WIDTH * HEIGHT + 1), null);
    assert.equal(native.decodeFrame(frame.subarray(1), WIDTH * HEIGHT), null);
    assert.equal(native.frameLength(frame.subarray(0, length - 1)), null);
  });

  it('knows crc32c', () => {
    assert.equal(native.crc32c(Buffer.from('123456789')), 0xe3069283);
    assert.equal(native.crc32c(Buffer.from('6789'), native.crc32c(Buffer.from('12345'))), 0xe3069283);
    assert.equal(native.crc32c(new Uint8Array()), 0);
  });

  it('compresses otherwise from the next push on, in ways that read back alike', async () => {
    const w = writer({ compression: 'auto' });
    // What a long search finds and a hasty one does not.
    const frame = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => ((i * i) >> 5) % 23);
    const settings = ['auto', 'fast', 'small', '-7', '19'];
    for (const compression of settings) {
      w.setCompression(compression);
      await push(w, frame);
    }
    assert.throws(() => w.setCompression('best'), /^Error: ERR_NATIVE: .*auto, fast, small/);
    assert.equal((await w.seal())?.frames, settings.length);
    await w.close();
    let rest = readFileSync(join(folder, '000000.shard'));
    const lengths = settings.map(() => {
      const length = native.frameLength(rest) as number;
      assert.deepEqual(native.decodeFrame(rest.subarray(0, length), frame.length), frame);
      rest = rest.subarray(length);
      return length;
    });
    const [hasty = 0, long = 0] = lengths.slice(3);
    assert.ok(long < hasty, `${lengths}`);
  });

  it('refuses options that make no sense', () => {
    assert.throws(() => writer({ fps: Number.NaN }), /^Error: ERR_NATIVE: .*frames per second/);
    assert.throws(() => writer({ chunkSize: 0 }), /^Error: ERR_NATIVE: .*chunk size/);
    assert.throws(() => writer({ compression: '99' }), /^Error: ERR_NATIVE: .*zstd level/);
  });

  it('locks a folder against others and itself, until released', () => {
    const path = join(folder, 'lock');
    const lock = native.FolderLock.acquire(path);
    assert.throws(() => native.FolderLock.acquire(path), /^Error: ERR_SPOOL: locked/);
    const code = `require(${JSON.stringify(binary)}).FolderLock.acquire(${JSON.stringify(path)})`;
    const other = () => spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
    assert.match(other().stderr, /ERR_SPOOL: locked/);
    lock.release();
    lock.release();
    assert.equal(other().status, 0);
    native.FolderLock.acquire(path).release();
  });

  it('can be loaded twice', async () => {
    const copy = join(folder, 'copy.node');
    copyFileSync(binary, copy);
    const twice: typeof Native = require(copy);
    assert.notEqual(twice.ChunkWriter, native.ChunkWriter);
    const inner = join(folder, 'stream');
    mkdirSync(inner);
    const w = new twice.ChunkWriter({
      folder: inner,
      nextNumber: 0,
      chunkSize: 1,
      fps: 10,
      compression: '1',
      width: 0,
      height: 0,
    });
    assert.equal((await push(w, flat(1))).sealed.length, 1);
    await w.close();
  });

  it('works in a worker thread, and outlives one that is stopped with calls under way', async () => {
    const code = `
      const { workerData, parentPort } = require('node:worker_threads');
      const native = require(workerData.binary);
      const w = new native.ChunkWriter({ folder: workerData.folder, nextNumber: workerData.n * 1000, chunkSize: 100,
        fps: 10, compression: '1', width: 0, height: 0 });
      const frame = new Uint8Array(workerData.spec.width * workerData.spec.height);
      const push = () => w.push([frame], workerData.spec, new Float64Array(), 1e12, null);
      push().then((result) => {
        for (let n = 0; n < 500; n++) push();
        parentPort.postMessage(result.frames);
      });`;
    for (let n = 0; n < 5; n++) {
      const worker = new Worker(code, { eval: true, workerData: { binary, folder, spec: SPEC, n } });
      const frames = await new Promise((resolve, reject) =>
        worker.once('message', resolve).once('error', reject),
      );
      assert.equal(frames, 1);
      await worker.terminate();
    }
    const w = writer({ nextNumber: 900_000 });
    assert.equal((await push(w, flat(1))).frames, 1);
    await w.close();
  });

  it('keeps the process alive while calls are under way, and lets it end when they are done', () => {
    const code = `
      const native = require(${JSON.stringify(binary)});
      const w = new native.ChunkWriter({ folder: ${JSON.stringify(folder)}, nextNumber: 0, chunkSize: 100, fps: 10,
        compression: '1', width: 0, height: 0 });
      const frame = new Uint8Array(${WIDTH * HEIGHT});
      for (let n = 0; n < 50; n++) w.push([frame], ${JSON.stringify(SPEC)}, new Float64Array(), 1e12, null);
      w.seal().then((chunk) => console.log(chunk.frames));`;
    assert.equal(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }), '50\n');
  });

  it('reads nothing of the memory of a worker thread that is stopped', () => {
    const inWorker = `
      const native = require(${JSON.stringify(binary)});
      const w = new native.ChunkWriter({ folder: ${JSON.stringify(folder)}, nextNumber: 0, chunkSize: 100, fps: 10,
        compression: '19', width: 0, height: 0 });
      const spec = { ...${JSON.stringify(SPEC)}, width: 1000, height: 1000 };
      for (let n = 0; n < 40; n++)
        w.push([new Uint8Array(1e6)], spec, new Float64Array(), 1e12, { chunkIndex: 0, before: n, more: true, lent: true });
      require('node:worker_threads').parentPort.postMessage('under way');`;
    const code = `
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(${JSON.stringify(inWorker)}, { eval: true });
      worker.once('message', async () => {
        await worker.terminate();
        setTimeout(() => process.exit(3), 500);
      });`;
    const { status, signal } = spawnSync(process.execPath, ['-e', code]);
    assert.deepEqual([status, signal], [3, null]);
  });

  it('says ERR_SPOOL_FULL on a full disk, takes nothing half, and goes on when there is room', function () {
    const script = join(folder, 'full.cjs');
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    writeFileSync(
      script,
      `const native = require(${JSON.stringify(binary)});
      const fs = require('node:fs');
      const disk = ${JSON.stringify(disk)};
      const w = new native.ChunkWriter({ folder: disk, nextNumber: 0, chunkSize: 1000, fps: 10, compression: '1', width: 0,
        height: 0 });
      const noise = () => require('node:crypto').randomBytes(${WIDTH * HEIGHT});
      const push = () => w.push([noise()], ${JSON.stringify(SPEC)}, new Float64Array(), 1e12, null);
      (async () => {
        await push();
        fs.writeFileSync(disk + '/ballast', Buffer.alloc(200 * 1024));
        let taken = 1, error;
        while (!error) await push().then(() => taken++, (e) => { error = e.message; });
        const lengths = [fs.statSync(disk + '/000000.part').size, fs.statSync(disk + '/000000.open').size];
        fs.rmSync(disk + '/ballast');
        await push();
        const sealed = await w.seal();
        console.log(JSON.stringify({ taken, error, lengths, sealed: sealed.frames }));
      })();`,
    );
    const mount = `mount -t tmpfs -o size=256k tmpfs '${disk}' && exec '${process.execPath}' '${script}'`;
    const run = spawnSync('unshare', ['-rm', 'sh', '-c', mount], { encoding: 'utf8' });
    if (run.status !== 0 && /unshare|mount|ENOENT/.test(run.stderr || String(run.error))) this.skip(); // no small disk to be had
    assert.equal(run.status, 0, run.stderr);
    const { taken, error, lengths, sealed } = JSON.parse(run.stdout);
    assert.match(error, /^ERR_SPOOL_FULL: .*free disk space/);
    assert.equal(lengths[1], 32 + 32 * taken);
    assert.ok(lengths[0] >= taken * WIDTH * HEIGHT, 'noise does not compress');
    assert.equal(sealed, taken + 1);
  });
});
