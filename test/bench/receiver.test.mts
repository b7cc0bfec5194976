import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { example } from '../../bench/rheed/examples.mts';
import { noise } from '../../bench/rheed/frame-sources.mts';
import { Receiver } from '../../bench/rheed/receiver.mts';
import type { Workload } from '../../bench/rheed/workload.mts';
import { RheedStreamer } from '../../dist/uploader/index.js';

const [width, height, chunkSize, chunks] = [24, 16, 20, 4];

describe('bench: the receiver', () => {
  let folder: string;
  let receiver: Receiver;
  let workload: Workload;

  before(async function () {
    // Builds it.
    this.timeout(600_000);
    await example('receiver');
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
    const source = noise(width, height);
    const file = join(folder, 'frames.u8');
    await writeFile(file, Buffer.concat(Array.from({ length: 2 * chunkSize }, (_, i) => source.frame(i))));
    workload = { file, width, height, fps: 10, chunkSize, frames: 2 * chunkSize, chunks };
    receiver = await Receiver.start(workload);
  });

  afterEach(async () => {
    await receiver.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function stream(order = [0, 1, 2, 3], end = true): Promise<void> {
    const pixels = new Uint8Array(await readFile(workload.file));
    const streamer = new RheedStreamer({
      apiKey: 'key',
      endpoint: receiver.url,
      spoolDir: join(folder, 'spool'),
      spoolMinFreeBytes: 0,
      clockSync: false,
    });
    const id = await streamer.initialize({ fps: 10, chunkSize });
    const bytes = width * height * chunkSize;
    for (const [at, index] of order.entries()) {
      const data = pixels.subarray((index % 2) * bytes, (index % 2) * bytes + bytes);
      await streamer.push(id, at, { data, shape: [chunkSize, height, width] });
    }
    if (end) await streamer.finalize(id);
    else await streamer.close();
  }

  it('counts the bytes of the shards and compares every pixel', async () => {
    await stream();
    const { frames, bytes, arrivals, pixels } = await receiver.verify();
    assert.equal(frames, chunks * chunkSize);
    assert.ok(bytes > 0.9 * frames * width * height, `noise does not shrink, got ${bytes} bytes`);
    assert.equal(arrivals.length, chunks);
    assert.match(pixels, /^[0-9a-f]{64}$/);
  });

  it('refuses chunks in another order', async () => {
    await stream([1, 0, 2, 3]);
    await assert.rejects(receiver.verify(), /chunk 0, frame 0: expected the pixels that were sent/);
  });

  it('refuses a missing chunk', async () => {
    await stream([0, 1, 2]);
    await assert.rejects(receiver.verify(), /expected 4 chunks, got 3/);
  });

  it('refuses a single other pixel', async () => {
    await stream();
    const pixels = await readFile(workload.file);
    pixels[pixels.length - 1] = (pixels.at(-1) as number) ^ 1;
    await writeFile(workload.file, pixels);
    await assert.rejects(receiver.verify(), /chunk 1, frame 19: expected the pixels that were sent/);
  });

  it('refuses a stream that was not ended', async () => {
    await stream(undefined, false);
    await assert.rejects(receiver.verify(), /expected the stream to be ended/);
  });
});
