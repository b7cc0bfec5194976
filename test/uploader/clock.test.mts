import assert from 'node:assert/strict';
import clockModule from '../../dist/uploader/clock.js';
import { type FrameChunk, startSandbox } from '../../sandbox/server.mts';
import { Bench, Ears, freePort, pushAll, RHEED_SETTINGS } from '../helpers/uploader.mts';

describe('the clock correction', () => {
  it('is the mean of both ways, uncertain by half the round trip', () => {
    // Reference 5000 ms ahead, 10 ms there, 3 ms at work, 20 ms back.
    assert.deepEqual(clockModule.sampleOf(1000, 6010, 6013, 1033), { offsetMs: 4995, uncertaintyMs: 15 });
  });
});

describe('the clock of a stream started offline', function () {
  this.timeout(60_000);

  it('is compared before its first chunk leaves', async () => {
    const bench = await Bench.make();
    const port = await freePort();
    const uploader = await bench.acquire({ endpoint: `http://127.0.0.1:${port}`, clockSync: true });
    const stream = await uploader.startRheed({ node: 'camera', stream: '' }, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await pushAll(stream, 0, 20);
    await ears.status('waiting');
    const sandbox = await startSandbox({ port, clockOffsetMs: 60_000 });
    try {
      const { data_id } = await ears.stream('opened');
      await ears.status('chunk');
      const [chunk] = sandbox.stream(data_id as string)?.chunks ?? [];
      const { offset_ms = 0 } = (chunk as FrameChunk).clock ?? {};
      assert.ok(Math.abs(offset_ms - 60_000) < 5_000, `corrected by ${offset_ms} ms`);
      assert.equal((chunk as FrameChunk).start_ms, 1_700_000_000_000 + offset_ms);
    } finally {
      await bench.end();
      await sandbox.close();
    }
  });
});
