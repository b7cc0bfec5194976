import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { NodesBench, RHEED, SERIES } from '../helpers/nodes-bench.mts';

type Row = [what: string, code: string, msg: Record<string, unknown>];

const FRAME = Buffer.alloc(8, 5);

/** Rows of the contract that TypeScript sees without decoding: they never open a stream. */
const FRAMES: Row[] = [
  ['a length that is not whole frames', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(9) }],
  ['an empty buffer', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(0) }],
  ['over 64 megapixels', 'ERR_FRAME_SHAPE', { payload: FRAME, shape: [8001, 8000] }],
  ['no image', 'ERR_FRAME_FORMAT', { payload: FRAME, format: 'image' }],
  ['a string', 'ERR_FRAME_FORMAT', { payload: 'frame' }],
  ['null', 'ERR_FRAME_FORMAT', { payload: null }],
  ['an object', 'ERR_FRAME_FORMAT', { payload: { a: 1 } }],
  ['a boolean', 'ERR_FRAME_FORMAT', { payload: false }],
  ['a ragged array', 'ERR_FRAME_SHAPE', { payload: [[1, 2, 3, 4], [1]] }],
  [
    'a number out of range',
    'ERR_FRAME_FORMAT',
    {
      payload: [
        [1, 2, 3, 256],
        [1, 2, 3, 4],
      ],
    },
  ],
  ['an unknown action', 'ERR_ACTION', { action: 'stop' }],
  ['an unparsable msg.timestamp', 'ERR_VALUE', { payload: FRAME, timestamp: 'noon' }],
];

const READINGS: Row[] = [
  ['a null payload', 'ERR_VALUE', { payload: null, channel: 'a' }],
  ['a string that is no number', 'ERR_VALUE', { payload: 'warm', channel: 'a' }],
  ['a boolean', 'ERR_VALUE', { payload: true, channel: 'a' }],
  [
    'an unparsable inner timestamp',
    'ERR_VALUE',
    { payload: { timestamps: ['noon'], values: [1] }, channel: 'a' },
  ],
  ['missing timestamps', 'ERR_VALUE', { payload: { values: [1] }, channel: 'a' }],
  ['unequal lengths', 'ERR_VALUE', { payload: { timestamps: [1, 2], values: [1] }, channel: 'a' }],
  ['{channels: {}}', 'ERR_CHANNEL', { payload: { channels: {} } }],
  ['a missing channel', 'ERR_CHANNEL', { payload: 1 }],
  ['a channel over 255 characters', 'ERR_CHANNEL', { payload: 1, channel: 'x'.repeat(256) }],
  ['an unknown action', 'ERR_ACTION', { action: 'pause' }],
];

/** Settings that no stream opens with. */
const SETTINGS: Record<string, unknown>[] = [
  { fps: 0 },
  { fps: -1 },
  { fps: 121 },
  { fps: Number.NaN },
  { fps: '' },
  { chunkSize: 19 },
  { rotationsPerMin: -1 },
  { rotationsPerMin: 10, azimuth: '[110]' },
  { frames: 5 },
];

describe('bad messages', function () {
  this.timeout(60_000);
  let bench: NodesBench;

  before(async () => {
    bench = await NodesBench.open();
  });
  after(() => bench?.close());

  /** One coded error, seen by Catch once. */
  async function refused(node: string, msg: Record<string, unknown>, code: string): Promise<void> {
    const before = bench.out('catch').length;
    const { id, error } = await bench.red.send(node, msg);
    assert.equal(error?.code, code, error?.message ?? 'no error');
    await bench.red.waitFor(() => bench.out('catch').length > before, 'Catch');
    const caught = bench.out('catch').slice(before);
    assert.deepEqual(
      caught.map((one) => (one.error as { code: string }).code),
      [code],
    );
    assert.equal(caught[0]?._test, id);
  }

  for (const [what, code, msg] of FRAMES) it(`${what} as a frame: ${code}`, () => refused(RHEED, msg, code));
  for (const [what, code, msg] of READINGS)
    it(`${what} as a reading: ${code}`, () => refused(SERIES, msg, code));
  for (const settings of SETTINGS) {
    it(`a start with ${JSON.stringify(settings)}: ERR_SETTINGS`, () =>
      refused(RHEED, { action: 'start', settings }, 'ERR_SETTINGS'));
  }

  it('opened no stream', () => assert.deepEqual(bench.sandbox.requests, []));

  it('leave an open stream and its data unharmed', async () => {
    const sent: Buffer[] = [];
    for (const [index, [, code, msg]] of FRAMES.entries()) {
      const payload = Buffer.alloc(8, index);
      sent.push(payload);
      assert.equal((await bench.red.send(RHEED, { payload })).error, undefined);
      await refused(RHEED, msg, code);
    }
    // What only decoding or the stream's past can tell.
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
    await refused(RHEED, { payload: png }, 'ERR_FRAME_FORMAT');
    await refused(RHEED, { payload: Buffer.alloc(12), shape: [3, 4] }, 'ERR_FRAME_SHAPE');
    for (const [index, [, code, msg]] of READINGS.entries()) {
      const reading = { payload: index, channel: 'good', timestamp: index * 1000 };
      assert.equal((await bench.red.send(SERIES, reading)).error, undefined);
      await refused(SERIES, msg, code);
    }
    for (const node of [RHEED, SERIES])
      assert.equal((await bench.red.send(node, { action: 'finalize' })).error, undefined);
    const { data_id: frames } = await bench.until('rheed:1', 'finalized');
    const { data_id: readings } = await bench.until('series:1', 'finalized');
    const chunk = await bench.sandbox.readFrames(String(frames), 0);
    assert.deepEqual(Buffer.from(chunk), Buffer.concat(sent));
    const points = await bench.sandbox.readPoints(String(readings));
    assert.deepEqual(
      points.good?.values,
      READINGS.map((_, index) => index),
    );
    assert.deepEqual(bench.sandbox.complaints, []);
  });

  it('never carry the key into a log', () => {
    const logs = bench.red.logs.map(({ text }) => text).join('\n');
    assert.ok(!logs.includes('test-key'));
    const flows = readFileSync(`${bench.red.userDir}/flows.json`, 'utf8');
    assert.ok(!flows.includes('test-key'));
  });
});
