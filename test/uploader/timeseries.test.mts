import assert from 'node:assert/strict';
import type { TimeseriesStream } from '../../dist/uploader/timeseries.js';
import type { Reading } from '../../dist/uploader/types.js';
import type { Uploader } from '../../dist/uploader/uploader.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { Bench, Ears, until } from '../helpers/uploader.mts';

const OWNER = { node: 'furnace', stream: '' };
const at = (time: number | null, values: Record<string, number | null>): Reading[] =>
  Object.entries(values).map(([channel, value]) => ({ channel, time, value }));

describe('a timeseries stream', function () {
  this.timeout(90_000);
  let bench: Bench;
  let sandbox: Sandbox;
  let uploader: Uploader;

  beforeEach(async () => {
    bench = await Bench.make();
    sandbox = await startSandbox();
    uploader = await bench.acquire({ endpoint: sandbox.url });
  });

  afterEach(async () => {
    await bench.end();
    await sandbox.close();
  });

  async function open(settings: Record<string, unknown>): Promise<{ stream: TimeseriesStream; ears: Ears }> {
    const stream = await uploader.startTimeseries(OWNER, { flushInterval: 0, ...settings }, {});
    return { stream, ears: new Ears(stream) };
  }

  async function finalized({ stream, ears }: { stream: TimeseriesStream; ears: Ears }) {
    await stream.finalize();
    const { data_id, report } = await ears.stream('finalized');
    assert.deepEqual(sandbox.complaints, []);
    return { points: await sandbox.readPoints(data_id as string), report, dataId: data_id as string };
  }

  it('sends one time axis a chunk, slow channels held', async () => {
    const { stream, ears } = await open({ pointsPerChunk: 5 });
    for (let i = 0; i < 12; i += 1)
      await stream.push(at(100 + i, i % 4 === 0 ? { t: i, p: i * 10 } : { t: i }));
    const { points } = await finalized({ stream, ears });
    assert.deepEqual(points.t?.values, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert.deepEqual(points.p?.values, [0, 0, 0, 0, 40, 40, 40, 40, 80, 80, 80, 80]);
    assert.deepEqual(points.p?.timestamps, points.t?.timestamps);
    assert.equal(sandbox.stream(ears.streams[0]?.data_id ?? '')?.chunk_count ?? 3, 3);
  });

  it('sends one channel by /chunk, with its units', async () => {
    const { stream, ears } = await open({ pointsPerChunk: 3 });
    await stream.push([{ channel: 't', time: 1, value: 25, units: 'C' }]);
    const { points } = await finalized({ stream, ears });
    assert.equal(points.t?.units, 'C');
    assert.ok(sandbox.requests.some(({ path }) => path === '/tool-state/stream/chunk'));
  });

  it('begins another chunk when a channel ends at "no reading", and when it comes back', async () => {
    const { stream, ears } = await open({});
    await stream.push(at(1, { t: 1, gauge: 5 }));
    await stream.push(at(2, { t: 2, gauge: null }));
    await stream.push(at(3, { t: 3 }));
    await stream.push(at(4, { t: 4, gauge: 6 }));
    const { points } = await finalized({ stream, ears });
    assert.deepEqual(points.gauge?.timestamps.length, points.gauge?.values.length);
    assert.deepEqual([...new Set(points.t?.values)], [1, 2, 3, 4]);
    const gauge = Object.fromEntries(
      points.gauge?.timestamps.map((time, i) => [time, points.gauge?.values[i]]) ?? [],
    );
    assert.equal(gauge[1], 5);
    assert.equal(gauge[3], undefined);
    assert.equal(gauge[4], 6);
  });

  it('with gap sends null where nothing was read', async () => {
    const { stream, ears } = await open({ fill: 'gap' });
    await stream.push(at(1, { a: 1 }));
    await stream.push(at(2, { b: 2 }));
    const { points } = await finalized({ stream, ears });
    assert.deepEqual(
      [points.a?.values, points.b?.values],
      [
        [1, null],
        [null, 2],
      ],
    );
  });

  it('sends the open chunk early under its own index, and again as it grows', async () => {
    const { stream, ears } = await open({ pointsPerChunk: 10 });
    const { data_id } = await ears.stream('opened');
    await stream.push(at(1, { t: 1 }));
    await stream.flush();
    const stored = () => sandbox.stream(data_id as string)?.points;
    await until(() => stored() === 1, 'the first early send');
    await stream.push(at(2, { t: 2 }));
    await stream.push(at(3, { t: 3 }));
    await stream.flush();
    await until(() => stored() === 3, 'the second early send');
    const { points, report } = await finalized({ stream, ears });
    assert.deepEqual(points.t?.values, [1, 2, 3]);
    assert.equal(report?.chunks_uploaded, 1);
    assert.ok(
      sandbox.requests
        .filter(({ path }) => path.startsWith('/tool-state/stream/chunk'))
        .every(({ body }) => (body as { chunk_index: number }).chunk_index === 0),
    );
  });

  it('sends by itself every flushInterval', async () => {
    const { stream, ears } = await open({ flushInterval: 1 });
    const { data_id } = await ears.stream('opened');
    await stream.push(at(1, { t: 1 }));
    await until(() => sandbox.stream(data_id as string)?.points === 1, 'the early send');
    await ears.status('drained');
    await finalized({ stream, ears });
  });

  it('goes on in the same chunk after a restart', async () => {
    const { stream, ears } = await open({ pointsPerChunk: 6 });
    const { data_id } = await ears.stream('opened');
    await stream.push(at(1, { t: 1, p: 10 }));
    await stream.push(at(2, { t: 2 }));
    await bench.release(uploader);
    uploader = await bench.acquire({ endpoint: sandbox.url });
    const [found] = uploader.attach(OWNER.node, 'timeseries', {}) as TimeseriesStream[];
    assert.ok(found);
    await found.push(at(3, { t: 3 }));
    const { points, report, dataId } = await finalized({ stream: found, ears: new Ears(found) });
    assert.equal(dataId, data_id);
    assert.deepEqual(
      [points.t?.values, points.p?.values],
      [
        [1, 2, 3],
        [10, 10, 10],
      ],
    );
    assert.equal(report?.chunks_uploaded, 1);
  });

  it('fills as the editor says from the moment it is changed', async () => {
    const settings = { flushInterval: 0, fill: 'hold' };
    const stream = await uploader.startTimeseries(OWNER, settings, settings);
    const ears = new Ears(stream);
    await stream.push(at(1, { a: 1, b: 1 }));
    await stream.push(at(2, { a: 2 }));
    uploader.attach(OWNER.node, 'timeseries', { ...settings, fill: 'gap' });
    await until(() => stream.settings.fill === 'gap', 'the new setting');
    await stream.push(at(3, { a: 3, b: 3 }));
    await stream.push(at(4, { a: 4 }));
    const { points } = await finalized({ stream, ears });
    assert.deepEqual(points.b?.values, [1, 1, 3, null]);
  });

  it('carries channels of any name', async () => {
    const { stream, ears } = await open({});
    const names = ['__proto__', 'constructor', 'größe / 10⁻⁹', 'x'.repeat(255)];
    await stream.push(names.map((channel, value) => ({ channel, time: 1, value, units: 'u' })));
    await stream.finalize();
    await ears.stream('finalized');
    assert.deepEqual(sandbox.complaints, []);
    const sent = sandbox.requests.find(({ path }) => path.endsWith('/multi'))?.body as { channels: object };
    assert.deepEqual(Object.keys(sent.channels), names);
  });

  it('keeps ten thousand single readings in their order', async () => {
    const { stream, ears } = await open({ pointsPerChunk: 500 });
    const pushed: Promise<void>[] = [];
    for (let i = 0; i < 10_000; i += 1) pushed.push(stream.push(at(1000 + i, { t: i })));
    await Promise.all(pushed);
    const { points, report } = await finalized({ stream, ears });
    assert.deepEqual(
      points.t?.values,
      Array.from({ length: 10_000 }, (_, i) => i),
    );
    assert.deepEqual([report?.points, report?.chunks_uploaded], [10_000, 20]);
  });
});
