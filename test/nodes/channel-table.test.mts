import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mock } from 'node:test';
import fc from 'fast-check';
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
    for (const payload of [{}, null, 5, '', 'text', { a: 5 }]) {
      assert.deepEqual(await read(table, { payload }), { readings: [], skipped: 1 }, JSON.stringify(payload));
    }
    const one = await read(table, { payload: { c: 1 } });
    assert.deepEqual(one, { readings: [{ channel: 'c', time: null, value: 1 }], skipped: 0 });
  });

  it('makes a gap of what stands there and is no reading, and counts it', async () => {
    const table = compile({ source: 'payload.c', channel: 'c' }, { source: 'payload.d', channel: 'd' });
    const gap = { channel: 'c', time: null, value: null };
    for (const c of ['OVER', '', true, null, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.deepEqual(await read(table, { payload: { c } }), { readings: [gap], skipped: 1 }, String(c));
      const { readings, skipped } = await read(table, { payload: { c, d: 4 } });
      assert.deepEqual([readings, skipped], [[gap, { channel: 'd', time: null, value: 4 }], 1], String(c));
    }
  });

  it('finds no reading of its own in an object or a list, which other rows read', async () => {
    const types = ['number', 'float32', 'bit 3'];
    const table = compile(...types.map((type) => ({ source: 'payload', channel: type, type })), {
      source: 'payload.pressure',
      channel: 'P',
    });
    const pressure = { readings: [{ channel: 'P', time: null, value: 1e-9 }], skipped: 0 };
    assert.deepEqual(await read(table, { payload: { pressure: 1e-9, unit: 'mbar' } }), pressure);
    const number = compile({ source: 'payload', channel: 'T' });
    assert.deepEqual(await read(number, { payload: [1, 2] }), { readings: [], skipped: 1 });
  });

  it('makes a gap of a value that scale takes beyond all numbers', async () => {
    const table = compile({ source: 'payload', channel: 'a', scale: 1e300 });
    assert.deepEqual(await read(table, { payload: 1e10 }), {
      readings: [{ channel: 'a', time: null, value: null }],
      skipped: 1,
    });
  });

  describe('with registers', () => {
    const furnace = compile(
      { source: 'payload[0]', channel: 'PV', type: 'int16', scale: 0.1 },
      { source: 'payload[2]', channel: 'OP', type: 'float32', order: 'CDAB', scale: 2, offset: 1 },
      { source: 'responseBuffer.buffer[4]', channel: 'OP bytes', type: 'float32', order: 'CDAB' },
      { source: 'payload.data[0]', channel: 'second output', type: 'int16' },
      { source: 'payload[1]', channel: 'Ga', type: 'bit 0' },
      { source: 'payload[1]', channel: 'As', type: 'bit 9', order: 'ABCD' },
    );
    const valuesOf = async (msg: object) =>
      Object.fromEntries((await read(furnace, msg)).readings.map(({ channel, value }) => [channel, value]));

    it('reads numbers, bytes and bits of one message', async () => {
      const registers = [0xfffb, 0x0200, 0xa000, 0x4422];
      const buffer = Buffer.from('fffb0200a0004422', 'hex');
      assert.deepEqual(await valuesOf({ payload: registers, responseBuffer: { data: registers, buffer } }), {
        PV: -0.5,
        OP: 650.5 * 2 + 1,
        'OP bytes': 650.5,
        Ga: 0,
        As: 1,
      });
      assert.deepEqual(await valuesOf({ payload: { data: registers, buffer } }), { 'second output': -5 });
    });

    it('gives raw · scale + offset of every number, or a gap where that is none', async () => {
      const anyNumber = fc.oneof(fc.double(), fc.float(), fc.integer());
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('float32', 'float64', 'int32', 'uint32', 'int16', 'uint16'),
          fc.uint8Array({ minLength: 8, maxLength: 8 }),
          anyNumber.filter(Number.isFinite),
          anyNumber.filter(Number.isFinite),
          async (type, bytes, scale, offset) => {
            const table = compile({ source: 'payload', channel: 'a', type, scale, offset });
            const view = new DataView(bytes.buffer);
            const raw = {
              float32: () => view.getFloat32(0),
              float64: () => view.getFloat64(0),
              int32: () => view.getInt32(0),
              uint32: () => view.getUint32(0),
              int16: () => view.getInt16(0),
              uint16: () => view.getUint16(0),
            }[type]();
            const value = raw * scale + offset;
            const { readings, skipped } = await read(table, { payload: Buffer.from(bytes) });
            assert.deepEqual(readings, [
              { channel: 'a', time: null, value: Number.isFinite(value) ? value : null },
            ]);
            assert.equal(skipped, Number.isFinite(value) ? 0 : 1);
          },
        ),
      );
    });

    it('reads any message without an error: a number, a gap or nothing', async () => {
      const types = ['number', 'int16', 'uint32', 'float32', 'float64', 'bit 0', 'bit 20'];
      const table = compile(
        ...types.flatMap((type) => [
          { source: 'payload', channel: type, type },
          { source: 'payload[1]', channel: `${type}, second`, type },
        ]),
      );
      const anyPart = fc.anything({
        withTypedArray: true,
        withBigInt: true,
        withDate: true,
        withNullPrototype: true,
      });
      await fc.assert(
        fc.asyncProperty(anyPart, anyPart, anyPart, async (payload, statusCode, error) => {
          const { readings, skipped } = await read(table, { payload, statusCode, error });
          for (const { value } of readings) assert.ok(value === null || Number.isFinite(value));
          const gaps = readings.filter(({ value }) => value === null).length;
          assert.equal(skipped, readings.length === 0 ? 1 : gaps);
        }),
        { numRuns: 2000 },
      );
    });

    it('tests `invalid` on the raw value, before scale and offset', async () => {
      const table = compile({
        ...{ source: 'payload[0]', channel: 'T', type: 'int16' },
        ...{ scale: 0.1, offset: 273.15, invalid: '-32768, >9000' },
      });
      const one = async (register: number) => (await read(table, { payload: [register] })).readings[0]?.value;
      assert.deepEqual([await one(0x8000), await one(9001), await one(9000)], [null, null, 900 + 273.15]);
    });

    it('reads what JSONata gives', async () => {
      const table = compile({
        ...{ source: 'topic = "kiln" ? payload', sourceType: 'jsonata' },
        ...{ channel: 'T', type: 'uint32', order: 'ABCD' },
      });
      assert.deepEqual(
        (await read(table, { topic: 'kiln', payload: [1, 2] })).readings.map(({ value }) => value),
        [65538],
      );
      assert.deepEqual(await read(table, { topic: 'other', payload: [1, 2] }), { readings: [], skipped: 1 });
    });

    it('makes gaps of a request that failed, whatever else the message still carries', async () => {
      const failed = {
        payload: '',
        error: new Error('Modbus client socket not readable'),
        responseBuffer: { data: [1, 2, 3, 4], buffer: Buffer.alloc(8) },
      };
      const { readings, skipped } = await read(furnace, failed);
      assert.deepEqual([...new Set(readings.map(({ value }) => value))], [null]);
      assert.deepEqual([readings.length, skipped], [6, 6]);
    });

    it('makes gaps of a request that failed where its payload was moved to', async () => {
      const table = compile(
        { source: 'integers[0]', channel: 'PV', type: 'int16' },
        { source: 'integers[2]', channel: 'OP', type: 'number' },
        { source: 'other[0]', channel: 'of another request', type: 'int16' },
      );
      const failed = { integers: '', error: new Error('timed out') };
      const gaps = ['PV', 'OP'].map((channel) => ({ channel, time: null, value: null }));
      assert.deepEqual(await read(table, failed), { readings: gaps, skipped: 2 });
      const { readings } = await read(table, { ...failed, other: [7] });
      assert.deepEqual(readings.at(-1), { channel: 'of another request', time: null, value: 7 });
      assert.deepEqual(
        await read(table, { integers: '' }),
        { readings: [], skipped: 1 },
        'without msg.error',
      );
    });
  });

  describe('with OPC UA', () => {
    const table = compile(
      { source: 'payload', channel: 'PV' },
      { source: 'topic = "ns=1;s=P" ? payload', sourceType: 'jsonata', channel: 'P' },
    );
    const sourceTimestamp = new Date('2026-01-02T03:04:05.678Z');
    const time = sourceTimestamp.getTime() / 1000;

    it('takes the time of the source, unless msg.timestamp says otherwise', async () => {
      const plain = compile({ source: 'payload', channel: 'PV' });
      const timeOf = async (msg: object) => (await read(plain, { payload: 1, ...msg })).readings[0]?.time;
      assert.equal(await timeOf({ sourceTimestamp }), time);
      assert.equal(await timeOf({ sourceTimestamp: sourceTimestamp.toISOString() }), time);
      assert.equal(await timeOf({ sourceTimestamp, timestamp: 5000 }), 5);
      for (const none of [null, new Date('1601-01-01T00:00:00Z'), 0]) {
        assert.equal(await timeOf({ sourceTimestamp: none }), null, String(none));
      }
      await assert.rejects(timeOf({ sourceTimestamp: 'noon' }), {
        code: 'ERR_VALUE',
        message: /sourceTimestamp/,
      });
    });

    it('makes a gap of a value with a bad status, not of what the message does not hold', async () => {
      const bad = [0x808c0000, { value: 0x808c0000 }, { name: 'BadSensorFailure' }, 'BadSensorFailure'];
      for (const statusCode of bad) {
        const found = await read(table, { topic: 'ns=1;s=PV', payload: 0, statusCode, sourceTimestamp });
        assert.deepEqual(found, { readings: [{ channel: 'PV', time, value: null }], skipped: 1 });
      }
      for (const statusCode of [
        0,
        { value: 0 },
        { value: 0x40930000 },
        'Good',
        'UncertainSensorNotAccurate',
        200,
        null,
      ]) {
        const found = await read(table, { payload: 0, statusCode });
        assert.deepEqual(found, { readings: [{ channel: 'PV', time: null, value: 0 }], skipped: 0 });
      }
    });
  });

  it('knows the limits of its channels', () => {
    const { limits } = compile(
      { source: 'payload', channel: 'a', minInterval: '500', deadband: '' },
      { source: 'payload', channel: 'b', deadband: 0.1 },
      { source: 'payload', channel: 'c', minInterval: '0' },
    );
    assert.deepEqual(
      [...(limits ?? [])],
      [
        ['a', { minInterval: 0.5, deadband: 0 }],
        ['b', { minInterval: 0, deadband: 0.1 }],
      ],
    );
    assert.equal(compile({ source: 'payload', channel: 'a' }).limits, undefined);
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
    ['an unknown type', [{ ...row, type: 'float16' }]],
    ['a bit without a number', [{ ...row, type: 'bit' }]],
    ['a bit beyond 31', [{ ...row, type: 'bit 32' }]],
    ['an unknown order', [{ ...row, type: 'float32', order: 'ACBD' }]],
    ['a negative interval', [{ ...row, minInterval: -1 }]],
    ['a deadband that is no number', [{ ...row, deadband: 'narrow' }]],
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
