import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mock } from 'node:test';
import {
  type ChannelTable,
  compileTable,
  readTable,
} from '../../dist/nodes/timeseries-stream/channel-table.js';
import { nodeRedSources } from '../../dist/nodes/timeseries-stream/sources.js';
import { throwsCoded } from '../helpers/coded.mts';

const util = createRequire(import.meta.url)('@node-red/util').util;
const node = { context: () => ({ flow: {}, global: {} }) };
const make = nodeRedSources({ util } as never, node as never);
const compile = (...rows: object[]) => compileTable(rows, make) as ChannelTable;
const read = async (table: ChannelTable, msg: object) => readTable(table, msg as Record<string, unknown>);

describe('channel table', () => {
  it('is none when it is empty', () => {
    assert.equal(compileTable([], make), null);
    assert.equal(compileTable(undefined, make), null);
  });

  it('reads paths: raw · scale + offset, by the message time', async () => {
    const table = compile(
      {
        source: 'payload.zone[0].pv',
        sourceType: 'msg',
        channel: 'Zone 1',
        units: 'K',
        scale: '0.1',
        offset: 273.15,
      },
      { source: 'msg.topic', channel: 'number' },
    );
    const msg = { payload: { zone: [{ pv: 250 }] }, topic: ' 7 ', timestamp: '1970-01-01T00:00:05Z' };
    assert.deepEqual(await read(table, msg), {
      readings: [
        { channel: 'Zone 1', time: 5, value: 250 * 0.1 + 273.15, units: 'K' },
        { channel: 'number', time: 5, value: 7 },
      ],
      skipped: 0,
    });
  });

  it('reads JSONata, one message after the other', async () => {
    const table = compile(
      { source: 'payload.p * 2', sourceType: 'jsonata', channel: 'P' },
      { source: '$sum(payload.list)', sourceType: 'jsonata', channel: 'sum' },
    );
    assert.equal(table.isAsync, true);
    const { readings } = await read(table, { payload: { p: 4, list: [1, 2, 3] } });
    assert.deepEqual(
      readings.map(({ channel, value }) => [channel, value]),
      [
        ['P', 8],
        ['sum', 6],
      ],
    );
    await assert.rejects(read(compile({ source: '$error("no")', sourceType: 'jsonata', channel: 'x' }), {}), {
      code: 'ERR_VALUE',
    });
  });

  it('finds no reading in what is missing or no number, and counts a message without any', async () => {
    const table = compile({ source: 'payload.a.b', channel: 'a' }, { source: 'payload.c', channel: 'c' });
    for (const payload of [
      {},
      { c: 'text' },
      { c: true },
      { c: null },
      { c: Number.NaN },
      null,
      5,
      { a: { b: [1] } },
    ]) {
      assert.deepEqual(await read(table, { payload }), { readings: [], skipped: 1 }, JSON.stringify(payload));
    }
    const one = await read(table, { payload: { c: 1 } });
    assert.deepEqual(one, { readings: [{ channel: 'c', time: null, value: 1 }], skipped: 0 });
  });

  it('makes raw values that mean "no reading" null', async () => {
    const table = compile({
      source: 'payload',
      channel: 'a',
      scale: 10,
      invalid: '0, -9999, 1e4..1e9, >=2e9, <-1e5',
    });
    const valueAt = async (payload: number) => (await read(table, { payload })).readings[0]?.value;
    for (const raw of [0, -9999, 1e4, 5e5, 1e9, 2e9, 3e9, -2e5])
      assert.equal(await valueAt(raw), null, String(raw));
    for (const raw of [1, -9998, 9999, 1.5e9, -1e5]) assert.equal(await valueAt(raw), raw * 10, String(raw));
  });

  const row = { source: 'payload', channel: 'a' };
  const refused: [string, unknown][] = [
    ['a table that is no array', { a: 1 }],
    ['a row that is no object', ['payload']],
    ['a row without a source', [{ channel: 'a' }]],
    ['a path that is none', [{ ...row, source: 'payload[' }]],
    ['JSONata that is none', [{ ...row, source: '(1 +', sourceType: 'jsonata' }]],
    ['an unknown source type', [{ ...row, sourceType: 'flow' }]],
    ['a row without a channel', [{ source: 'payload' }]],
    ['a channel of 256 characters', [{ ...row, channel: 'x'.repeat(256) }]],
    ['a scale that is no number', [{ ...row, scale: 'ten' }]],
    ['an offset that is no number', [{ ...row, offset: {} }]],
    ['an invalid list that is none', [{ ...row, invalid: '5..1' }]],
    ['an invalid value that is no number', [{ ...row, invalid: 'off' }]],
    ['a register type, which comes later', [{ ...row, type: 'float32' }]],
    ['the same channel twice', [row, row]],
  ];
  for (const [what, channels] of refused) {
    it(`refuses ${what} with ERR_SETTINGS`, () =>
      throwsCoded(() => compileTable(channels, make), 'ERR_SETTINGS'));
  }

  it('refuses JSONata that never answers, so that later messages have their turn', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const table = compile({ source: 'payload + 1', sourceType: 'jsonata', channel: 'T' });
      const msg = { payload: Object.defineProperty([1], 'then', { value: () => {}, enumerable: true }) };
      const answer = assert.rejects(read(table, msg), { code: 'ERR_VALUE', message: /within 5000 ms/ });
      mock.timers.tick(5000);
      await answer;
    } finally {
      mock.timers.reset();
    }
  });
});
