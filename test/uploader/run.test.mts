import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RheedStreamer } from '../../dist/uploader/index.js';
import nativeModule from '../../dist/uploader/native.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { CHUNK_SIZE, FPS, HEIGHT, numberedFrame, range, storedNumbers, WIDTH } from '../helpers/uploader.mts';

const chunk = (index: number) => ({
  data: Buffer.concat(range(index * CHUNK_SIZE, (index + 1) * CHUNK_SIZE).map(numberedFrame)),
  shape: [CHUNK_SIZE, HEIGHT, WIDTH],
});

describe('run', () => {
  let folder: string;
  let sandbox: Sandbox;
  let streamer: RheedStreamer;
  let dataId: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atomscale-run-'));
    sandbox = await startSandbox();
    streamer = new RheedStreamer({
      apiKey: 'key',
      endpoint: sandbox.url,
      spoolDir: folder,
      spoolMinFreeBytes: 0,
    });
    dataId = await streamer.initialize({ fps: FPS, chunkSize: CHUNK_SIZE });
  });

  afterEach(async () => {
    await streamer.close();
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('sends the chunks of an async iterable in order, and asks for the next before one is sealed', async () => {
    const sealedWhenAsked: number[] = [];
    async function* chunks() {
      for (const index of range(0, 12)) {
        const status = streamer.spoolStatus().streams[0];
        sealedWhenAsked.push((status?.chunks_pending ?? 0) + (status?.chunks_uploaded ?? 0));
        yield chunk(index);
      }
    }
    await streamer.run(dataId, chunks());
    await streamer.finalize(dataId);
    assert.deepEqual(await storedNumbers(sandbox, dataId), range(0, 12 * CHUNK_SIZE));
    assert.ok(
      sealedWhenAsked.some((sealed, given) => sealed < given),
      `${sealedWhenAsked}`,
    );
  });

  it('holds little of large chunks in memory, and copies each before it asks for the next', async function () {
    this.timeout(30_000);
    const { memoryInFlight } = nativeModule.native();
    const [side, reused] = [1000, new Uint8Array(CHUNK_SIZE * 1_000_000)];
    let most = 0;
    function* chunks() {
      for (const index of range(0, 5)) {
        most = Math.max(most, memoryInFlight());
        for (const n of range(0, CHUNK_SIZE))
          reused.fill(index * CHUNK_SIZE + n, n * side ** 2, (n + 1) * side ** 2);
        yield { data: reused, shape: [CHUNK_SIZE, side, side] };
      }
    }
    await streamer.run(dataId, chunks());
    await streamer.finalize(dataId);
    for (const index of range(0, 5)) {
      const stored = await sandbox.readFrames(dataId, index);
      const numbers = range(0, CHUNK_SIZE).map(
        (n) => new Set(stored.subarray(n * side ** 2, (n + 1) * side ** 2)),
      );
      assert.deepEqual(
        numbers,
        range(index * CHUNK_SIZE, (index + 1) * CHUNK_SIZE).map((n) => new Set([n])),
      );
    }
    assert.ok(most <= 40 * 2 ** 20, `${most} bytes in flight`);
  });

  it('waits where memory holds one chunk alone', async () => {
    const { setMemoryLimit } = nativeModule.native();
    setMemoryLimit(1);
    try {
      await streamer.run(dataId, range(0, 8).map(chunk));
    } finally {
      setMemoryLimit(128 * 2 ** 20);
    }
    await streamer.finalize(dataId);
    assert.deepEqual(await storedNumbers(sandbox, dataId), range(0, 8 * CHUNK_SIZE));
  });

  it('ends with the error of the first chunk that is refused, and nothing under way', async () => {
    const { memoryInFlight } = nativeModule.native();
    const wrong = { data: new Uint8Array(7), shape: [1, HEIGHT, WIDTH] };
    let given = 0;
    function* chunks() {
      for (const item of [chunk(0), chunk(1), wrong, chunk(3), chunk(4)]) {
        given += 1;
        yield item;
      }
    }
    await assert.rejects(streamer.run(dataId, chunks()), { code: 'ERR_FRAME_SHAPE' });
    assert.equal(memoryInFlight(), 0);
    assert.equal(given, 3);
    await streamer.finalize(dataId);
    const numbers = await storedNumbers(sandbox, dataId);
    assert.deepEqual(numbers.slice(0, 2 * CHUNK_SIZE), range(0, 2 * CHUNK_SIZE));
  });

  it('ends with the error of the source, and what it gave before is sent', async () => {
    async function* chunks() {
      yield chunk(0);
      yield chunk(1);
      throw new Error('the camera is gone');
    }
    await assert.rejects(streamer.run(dataId, chunks()), /the camera is gone/);
    const [status] = streamer.spoolStatus().streams;
    assert.equal((status?.chunks_pending ?? 0) + (status?.chunks_uploaded ?? 0), 2);
    await streamer.finalize(dataId);
    assert.deepEqual(await storedNumbers(sandbox, dataId), range(0, 2 * CHUNK_SIZE));
  });
});
