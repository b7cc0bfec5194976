import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
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

  describe('of large chunks', function () {
    this.timeout(30_000);
    const [side, count] = [1000, 2 * CHUNK_SIZE];
    const noise = randomBytes(side ** 2);
    const frame = (number: number) => noise.map((value) => value + number);
    /** The same memory for each chunk. */
    const memory = new Uint8Array(count * side ** 2);
    function fill(index: number) {
      for (const n of range(0, count)) memory.set(frame(index * count + n), n * side ** 2);
      return { data: memory, shape: [count, side, side] };
    }

    beforeEach(async () => {
      dataId = await streamer.initialize({ fps: FPS, chunkSize: count });
    });

    /** How many of its frames the service has, each as it was. */
    async function storedOf(index: number): Promise<number> {
      const stored = await sandbox.readFrames(dataId, index);
      const frames = stored.length / side ** 2;
      for (const n of range(0, frames)) {
        const got = stored.subarray(n * side ** 2, (n + 1) * side ** 2);
        assert.ok(
          Buffer.from(got).equals(frame(index * count + n)),
          `frame ${n} of chunk ${index} is another`,
        );
      }
      return frames;
    }

    it('holds little in memory, and reads each before it asks for the next', async () => {
      const { memoryInFlight } = nativeModule.native();
      let most = 0;
      function* chunks() {
        for (const index of range(0, 4)) {
          most = Math.max(most, memoryInFlight());
          yield fill(index);
        }
      }
      await streamer.run(dataId, chunks());
      await streamer.finalize(dataId);
      for (const index of range(0, 4)) assert.equal(await storedOf(index), count);
      assert.ok(most <= 40 * 2 ** 20, `${most} bytes in flight`);
    });

    it('has read what it took when it ends the source, also after an error', async () => {
      let ended: Promise<unknown> | undefined;
      function* chunks() {
        try {
          // In the midst of the chunk.
          setImmediate(() => {
            ended = streamer.finalize(dataId);
          });
          yield fill(0);
        } finally {
          memory.fill(0);
        }
      }
      await assert.rejects(streamer.run(dataId, chunks()), { code: 'ERR_NOT_STARTED' });
      await ended;
      const stored = await storedOf(0);
      assert.ok(stored > 0 && stored < count, `${stored} frames`);
    });
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
