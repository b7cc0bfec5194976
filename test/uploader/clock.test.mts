import assert from 'node:assert/strict';
import clockModule from '../../dist/uploader/clock.js';
import { type FrameChunk, type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { Bench, batch, Ears, freePort, pushAll, RHEED_SETTINGS } from '../helpers/uploader.mts';

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

  it('corrects what was stamped before the host got its time', async () => {
    const bench = await Bench.make();
    const port = await freePort();
    const uploader = await bench.acquire({ endpoint: `http://127.0.0.1:${port}`, clockSync: true });
    const now = Date.now;
    let sandbox: Sandbox | undefined;
    try {
      Date.now = () => now() - 3_600_000;
      const camera = await uploader.startRheed({ node: 'camera', stream: '' }, RHEED_SETTINGS, {});
      const gauge = await uploader.startTimeseries({ node: 'gauge', stream: '' }, { flushInterval: 0 }, {});
      const ears = [new Ears(camera), new Ears(gauge)];
      await camera.push({ ...batch(0, 10), stamps: [] });
      await gauge.push([{ channel: 'a', time: null, value: 1 }]);
      Date.now = now;
      await camera.push({ ...batch(10, 10), stamps: [] });
      await gauge.push([{ channel: 'a', time: null, value: 2 }]);
      sandbox = await startSandbox({ port });
      await Promise.all([camera.finalize(), gauge.finalize()]);
      const ends = await Promise.all(ears.map((one) => one.stream('finalized')));
      const [frames, readings] = ends.map(({ data_id }) => data_id as string);
      const starts = sandbox.stream(frames as string)?.chunks.map((chunk) => (chunk as FrameChunk).start_ms);
      const times = (await sandbox.readPoints(readings as string)).a?.timestamps.map((time) => time * 1000);
      assert.deepEqual([starts?.length, times?.length], [2, 2]);
      for (const time of [...(starts ?? []), ...(times ?? [])])
        assert.ok(Math.abs(time - now()) < 120_000, `off by ${time - now()} ms`);
    } finally {
      Date.now = now;
      await bench.end();
      await sandbox?.close();
    }
  });
});
