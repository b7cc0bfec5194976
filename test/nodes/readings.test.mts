import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { readReadings } from '../../dist/nodes/timeseries-stream/readings.js';
import { throwsCoded } from '../helpers/coded.mts';

const read = (msg: Record<string, unknown>) => readReadings(msg).readings;

describe('readings of a message', () => {
  it('takes a number, its channel from msg.channel or the last level of msg.topic', () => {
    assert.deepEqual(read({ payload: 25, channel: 'T' }), [{ channel: 'T', time: null, value: 25 }]);
    assert.deepEqual(read({ payload: 25, topic: 'furnace/zone 1/pv' }), [
      { channel: 'pv', time: null, value: 25 },
    ]);
    assert.deepEqual(read({ payload: 25, topic: 'pv' }), [{ channel: 'pv', time: null, value: 25 }]);
  });

  it('takes numbers as text', () => {
    const values = ['1e-9', ' 25.3 ', '-4', '+.5', '7.'].map(
      (payload) => read({ payload, channel: 'T' })[0]?.value,
    );
    assert.deepEqual(values, [1e-9, 25.3, -4, 0.5, 7]);
  });

  it('takes an object of channels', () => {
    assert.deepEqual(read({ payload: { temperature: 25, pressure: '1e-9' }, timestamp: 2000 }), [
      { channel: 'temperature', time: 2, value: 25 },
      { channel: 'pressure', time: 2, value: 1e-9 },
    ]);
    assert.deepEqual(read({ payload: { values: 3, channels: 4 } }), [
      { channel: 'values', time: null, value: 3 },
      { channel: 'channels', time: null, value: 4 },
    ]);
  });

  it('takes a series with its own timestamps in Unix seconds', () => {
    const payload = {
      timestamps: [1.5, new Date(2500), '1970-01-01T00:00:03Z'],
      values: [1, '2', 3],
      units: 'K',
    };
    assert.deepEqual(read({ payload, channel: 'T' }), [
      { channel: 'T', time: 1.5, value: 1, units: 'K' },
      { channel: 'T', time: 2.5, value: 2, units: 'K' },
      { channel: 'T', time: 3, value: 3, units: 'K' },
    ]);
    const typed = { timestamps: Float64Array.of(1, 2), values: Float32Array.of(3, 4) };
    assert.deepEqual(
      read({ payload: typed, channel: 'T' }).map(({ value }) => value),
      [3, 4],
    );
  });

  it('takes several series, empty ones left out', () => {
    const channels = { a: { timestamps: [1], values: [2], units: 'V' }, b: { timestamps: [], values: [] } };
    assert.deepEqual(read({ payload: { channels } }), [{ channel: 'a', time: 1, value: 2, units: 'V' }]);
  });

  it('takes a list of records', () => {
    const payload = [
      { channel: 'a', timestamp: 1, value: 2, units: 'V' },
      { channel: 'b', timestamp: '1970-01-01T00:00:02Z', value: '3' },
    ];
    assert.deepEqual(read({ payload }), [
      { channel: 'a', time: 1, value: 2, units: 'V' },
      { channel: 'b', time: 2, value: 3 },
    ]);
  });

  it('takes objects made in a function node, which is another realm', () => {
    const msg = runInNewContext(
      '({ payload: { channels: { a: { timestamps: [new Date(1000)], values: [2] } } } })',
    );
    assert.deepEqual(read(msg), [{ channel: 'a', time: 1, value: 2 }]);
  });

  it('skips and counts NaN and infinities', () => {
    const { readings, skipped } = readReadings({
      payload: { a: Number.NaN, b: 1, c: Number.POSITIVE_INFINITY, d: Number.NEGATIVE_INFINITY },
    });
    assert.deepEqual(readings, [{ channel: 'b', time: null, value: 1 }]);
    assert.equal(skipped, 3);
    assert.deepEqual(readReadings({ payload: Number.NaN, channel: 'a' }), { readings: [], skipped: 1 });
  });

  it('gives every finite number of a series back, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.double()), (values) => {
        const payload = { timestamps: values.map((_, index) => index), values };
        const { readings, skipped } = readReadings({ payload, channel: 'x' });
        assert.deepEqual(
          readings.map(({ value }) => value),
          values.filter(Number.isFinite),
        );
        assert.equal(readings.length + skipped, values.length);
      }),
    );
  });

  it('takes channel names of 1 to 255 characters', () => {
    assert.equal(read({ payload: 1, channel: '°'.repeat(255) })[0]?.channel.length, 255);
    throwsCoded(() => read({ payload: 1, channel: 'x'.repeat(256) }), 'ERR_CHANNEL', /256/);
    throwsCoded(() => read({ payload: { ['x'.repeat(256)]: 1 } }), 'ERR_CHANNEL');
  });

  it('takes the time that an OPC UA node gives', () => {
    const sourceTimestamp = new Date(2500);
    assert.deepEqual(read({ payload: 650.5, topic: 'ns=1;s=Furnace.PV', sourceTimestamp }), [
      { channel: 'ns=1;s=Furnace.PV', time: 2.5, value: 650.5 },
    ]);
  });

  it('finds a gap, never a zero, where the device says that it has no reading', () => {
    const bad = { payload: 0, topic: 'ns=1;s=PV', statusCode: { value: 0x808c0000 } };
    assert.deepEqual(readReadings(bad), {
      readings: [{ channel: 'ns=1;s=PV', time: null, value: null }],
      skipped: 1,
    });
    assert.deepEqual(readReadings({ payload: '', error: new Error('timed out') }), {
      readings: [],
      skipped: 1,
    });
  });

  const series = { timestamps: [1, 2], values: [1, 2] };
  const refused: [string, string, Record<string, unknown>][] = [
    ['null', 'ERR_VALUE', { payload: null, channel: 'a' }],
    ['no payload', 'ERR_VALUE', { channel: 'a' }],
    ['a string that is no number', 'ERR_VALUE', { payload: 'warm', channel: 'a' }],
    ['an empty string', 'ERR_VALUE', { payload: '', channel: 'a' }],
    ['"NaN" as text', 'ERR_VALUE', { payload: 'NaN', channel: 'a' }],
    ['a hexadecimal string', 'ERR_VALUE', { payload: '0x10', channel: 'a' }],
    ['a boolean', 'ERR_VALUE', { payload: true, channel: 'a' }],
    ['a Buffer', 'ERR_VALUE', { payload: Buffer.from('25'), channel: 'a' }],
    ['a boolean in an object', 'ERR_VALUE', { payload: { a: 1, b: false } }],
    ['null in an object', 'ERR_VALUE', { payload: { a: 1, b: null } }],
    ['null among values', 'ERR_VALUE', { payload: { ...series, values: [1, null] }, channel: 'a' }],
    ['a number without a channel', 'ERR_CHANNEL', { payload: 1 }],
    ['a topic that ends in a slash', 'ERR_CHANNEL', { payload: 1, topic: 'a/' }],
    ['an empty channel', 'ERR_CHANNEL', { payload: 1, channel: ' ' }],
    ['a channel that is no text', 'ERR_CHANNEL', { payload: 1, channel: 7 }],
    ['a series without a channel', 'ERR_CHANNEL', { payload: series }],
    ['an object without channels', 'ERR_CHANNEL', { payload: {} }],
    ['{channels: {}}', 'ERR_CHANNEL', { payload: { channels: {} } }],
    ['an empty channel name in channels', 'ERR_CHANNEL', { payload: { channels: { '': series } } }],
    ['a channel that is no series', 'ERR_VALUE', { payload: { channels: { a: 5 } } }],
    ['values without timestamps', 'ERR_VALUE', { payload: { values: [1] }, channel: 'a' }],
    ['timestamps without values', 'ERR_VALUE', { payload: { timestamps: [1] }, channel: 'a' }],
    ['missing timestamps in channels', 'ERR_VALUE', { payload: { channels: { a: { values: [1] } } } }],
    ['unequal lengths', 'ERR_VALUE', { payload: { timestamps: [1], values: [1, 2] }, channel: 'a' }],
    [
      'an unparsable inner timestamp',
      'ERR_VALUE',
      { payload: { ...series, timestamps: [1, 'noon'] }, channel: 'a' },
    ],
    [
      'an inner timestamp of NaN',
      'ERR_VALUE',
      { payload: { ...series, timestamps: [1, Number.NaN] }, channel: 'a' },
    ],
    ['an unparsable msg.timestamp', 'ERR_VALUE', { payload: 1, channel: 'a', timestamp: 'noon' }],
    ['an empty list', 'ERR_VALUE', { payload: [] }],
    ['a list of numbers', 'ERR_VALUE', { payload: [1, 2] }],
    ['a record without a timestamp', 'ERR_VALUE', { payload: [{ channel: 'a', value: 1 }] }],
    ['a record without a channel', 'ERR_CHANNEL', { payload: [{ timestamp: 1, value: 1 }] }],
    ['a record without a value', 'ERR_VALUE', { payload: [{ channel: 'a', timestamp: 1 }] }],
    ['units that are no text', 'ERR_VALUE', { payload: { ...series, units: 5 }, channel: 'a' }],
  ];
  for (const [what, code, msg] of refused) {
    it(`refuses ${what} with ${code}`, () => throwsCoded(() => readReadings(msg), code));
  }
});
