import assert from 'node:assert/strict';
import { type NodesBench, openerOfShared, SERIES } from '../helpers/nodes-bench.mts';

describe('timeseries-stream in Node-RED', function () {
  this.timeout(60_000);
  let bench: NodesBench;
  const openBench = openerOfShared();
  const send = (msg: Record<string, unknown>) => bench.red.send(SERIES, msg);

  afterEach(() => bench?.rest());

  async function finish(): Promise<
    Record<string, { units: string | null; timestamps: number[]; values: unknown[] }>
  > {
    await send({ action: 'finalize' });
    const { data_id } = await bench.until('series:1', 'finalized');
    assert.deepEqual(bench.sandbox.complaints, []);
    return bench.sandbox.readPoints(String(data_id));
  }

  for (const version of [5, 4] as const) {
    it(`carries readings from the first one to the report (Node-RED ${version})`, async () => {
      bench = await openBench({ nodeRed: { version } });
      for (let second = 0; second < 12; second += 1) {
        const payload = { temperature: 20 + second, pressure: `${second}e-9` };
        const { error } = await send({
          payload,
          timestamp: 1_700_000_000_000 + second * 1000,
          topic: 'furnace',
        });
        assert.equal(error, undefined);
      }
      const opened = await bench.until('series:1', 'opened');
      assert.equal(opened.topic, 'furnace');
      const points = await finish();
      const seconds = Array.from({ length: 12 }, (_, second) => 1_700_000_000 + second);
      assert.deepEqual(points.temperature?.timestamps, seconds);
      assert.deepEqual(
        points.temperature?.values,
        seconds.map((_, second) => 20 + second),
      );
      assert.deepEqual(
        points.pressure?.values,
        seconds.map((_, second) => Number(`${second}e-9`)),
      );
      const { report } = await bench.until('series:1', 'finalized');
      assert.equal((report as { points: number }).points, 24);
      assert.deepEqual(bench.codes(), []);
    });
  }

  it('takes every form of payload', async () => {
    bench = await openBench({ series: { pointsPerChunk: '100', fill: 'gap' } });
    await send({ payload: 1, channel: 'number', timestamp: 1000 });
    await send({ payload: ' 2 ', topic: 'a/b/topic', timestamp: 2000 });
    await send({ payload: { timestamps: [3, 4], values: [3, 4], units: 'K' }, channel: 'series' });
    await send({ payload: { channels: { many: { timestamps: [5], values: [5], units: 'V' } } } });
    await send({ payload: [{ channel: 'record', timestamp: 6, value: 6, units: 'A' }] });
    const points = await finish();
    const found = Object.entries(points).map(([name, { timestamps, values, units }]) => [
      name,
      units,
      timestamps.filter((_, index) => values[index] !== null),
      values.filter((value) => value !== null),
    ]);
    assert.deepEqual(found.sort(), [
      ['many', 'V', [5], [5]],
      ['number', null, [1], [1]],
      ['record', 'A', [6], [6]],
      ['series', 'K', [3, 4], [3, 4]],
      ['topic', null, [2], [2]],
    ]);
  });

  it('reads messages by the channel table alone, JSONata in order', async () => {
    bench = await openBench({
      series: {
        pointsPerChunk: '100',
        channels: [
          {
            source: 'payload.t',
            sourceType: 'msg',
            channel: 'T',
            units: 'C',
            type: 'number',
            scale: '0.1',
            offset: '-5',
            invalid: '9999',
          },
          {
            source: '$sum(payload.list)',
            sourceType: 'jsonata',
            channel: 'sum',
            units: '',
            type: 'number',
            scale: '',
            offset: '',
            invalid: '',
          },
        ],
      },
    });
    const ids: number[] = [];
    for (let number = 0; number < 40; number += 1) {
      ids.push(
        bench.red.post(SERIES, { payload: { t: number * 10, list: [number, 1] }, timestamp: number * 1000 }),
      );
    }
    assert.equal((await send({ payload: 'nothing in here' })).error, undefined);
    assert.deepEqual(
      ids.map((id) => bench.red.completion(id)?.error),
      Array(40).fill(undefined),
    );
    await bench.red.waitFor(
      () => bench.red.status(SERIES)?.text?.endsWith('1 skipped') === true,
      'the count of skipped',
    );
    const points = await finish();
    assert.deepEqual(
      points.T?.values,
      Array.from({ length: 40 }, (_, number) => number * 10 * 0.1 - 5),
    );
    assert.deepEqual(
      points.sum?.values,
      Array.from({ length: 40 }, (_, number) => number + 1),
    );
    assert.equal(points.T?.units, 'C');
  });

  it('ends a held channel where it has no reading, and makes no row of gaps alone', async () => {
    bench = await openBench({
      series: {
        channels: [
          { source: 'payload.p', channel: 'p', invalid: '0' },
          { source: 'payload.T', channel: 'T' },
        ],
      },
    });
    const at = (second: number, payload: object | string, more = {}) =>
      send({ payload, timestamp: 1_700_000_000_000 + second * 1000, ...more });
    // Opens nothing: there is no reading in it.
    assert.equal((await at(0, { p: 0 })).error, undefined);
    assert.equal(bench.out('series:1').length, 0);
    await at(1, { p: 1e-9, T: 650 });
    await at(2, { p: 0 });
    await at(3, { p: 0 });
    await at(4, { T: 651 });
    await at(5, { p: 2e-9 });
    assert.equal((await at(6, '', { error: new Error('timed out') })).error, undefined);
    await at(7, { T: 652 });
    const points = await finish();
    const found = (channel: string) =>
      points[channel]?.timestamps.map((time, row) => [time - 1_700_000_000, points[channel]?.values[row]]);
    assert.deepEqual(found('p'), [
      [1, 1e-9],
      [5, 2e-9],
    ]);
    assert.deepEqual(found('T'), [
      [1, 650],
      [4, 651],
      [5, 651],
      [7, 652],
    ]);
    await bench.red.waitFor(
      () => bench.red.status(SERIES)?.text?.endsWith('5 skipped') === true,
      'the count',
    );
    assert.deepEqual(bench.codes(), []);
  });

  it('leaves a gap empty under fill gap, without a row of its own', async () => {
    bench = await openBench({
      series: {
        fill: 'gap',
        channels: [
          { source: 'payload.p', channel: 'p', invalid: '0' },
          { source: 'payload.T', channel: 'T' },
        ],
      },
    });
    const rows = [{ p: 1e-9, T: 650 }, { p: 0, T: 651 }, { p: 0 }, { p: 3e-9, T: 653 }];
    for (const [second, payload] of rows.entries()) await send({ payload, timestamp: (second + 1) * 1000 });
    const { p, T } = await finish();
    assert.deepEqual(
      [p?.timestamps, p?.values],
      [
        [1, 2, 4],
        [1e-9, null, 3e-9],
      ],
    );
    assert.deepEqual(T?.values, [650, 651, 653]);
  });

  it('keeps of a channel what its interval and deadband let through', async () => {
    bench = await openBench({
      series: {
        pointsPerChunk: '100',
        fill: 'gap',
        channels: [
          { source: 'payload.slow', channel: 'slow', minInterval: '500' },
          { source: 'payload.still', channel: 'still', deadband: '0.5' },
        ],
      },
    });
    for (let tenth = 0; tenth < 20; tenth += 1) {
      const payload = { slow: tenth, still: 20 + (tenth % 2 ? 0.4 : 0) + (tenth >= 10 ? 1 : 0) };
      await send({ payload, timestamp: 1_700_000_000_000 + tenth * 100 });
    }
    const points = await finish();
    const kept = (channel: string) => points[channel]?.values.filter((value) => value !== null);
    assert.deepEqual(kept('slow'), [0, 5, 10, 15]);
    assert.deepEqual(kept('still'), [20, 21]);
    assert.doesNotMatch(bench.red.status(SERIES)?.text ?? '', /skipped/);
  });

  it('refuses a table it cannot read, on the message', async () => {
    bench = await openBench({ series: { channels: [{ source: 'payload[', channel: 'a' }] } });
    assert.equal((await send({ payload: 1 })).error?.code, 'ERR_SETTINGS');
    assert.equal(bench.sandbox.requests.length, 0);
  });

  it('skips NaN without opening a stream, and counts it', async () => {
    bench = await openBench();
    assert.equal((await send({ payload: Number.NaN, channel: 'a' })).error, undefined);
    assert.equal((await send({ payload: { a: Number.POSITIVE_INFINITY } })).error, undefined);
    await bench.red.waitFor(
      () => bench.red.status(SERIES)?.text === 'idle · 2 skipped',
      'the count of skipped',
    );
    assert.equal(bench.sandbox.requests.length, 0);
  });

  it('loses nothing that done() confirmed when Node-RED is killed', async () => {
    bench = await openBench();
    const second = (number: number) => ({
      payload: { T: number },
      timestamp: 1_700_000_000_000 + number * 1000,
    });
    for (let number = 0; number < 13; number += 1)
      assert.equal((await send(second(number))).error, undefined);
    const { data_id } = await bench.until('series:1', 'opened');
    await bench.killAndRestart();
    assert.equal((await send(second(13))).error, undefined);
    const points = await finish();
    assert.equal(bench.out('series:1', 'finalized')[0]?.data_id, data_id);
    assert.deepEqual(
      points.T?.values,
      Array.from({ length: 14 }, (_, number) => number),
    );
  });
});
