import assert from 'node:assert/strict';
import { type NodesBench, openerOfShared, SERIES } from '../helpers/nodes-bench.mts';
import { Random } from '../helpers/random.mts';

const START = 1_700_000_000;
const SECONDS = 60;

interface Recorded {
  /** Whole milliseconds since START. */
  readonly ms: number;
  readonly channel: string;
  /** Null: the sensor was off. */
  readonly value: number | null;
}

/** A minute of a growth: 10 Hz, 1 Hz, irregular, and a gauge of 2 Hz that is off from second 20 to 40. */
function record(random: Random): Recorded[] {
  const every = (channel: string, interval: number, value: (ms: number) => number | null, first = 0) =>
    Array.from({ length: Math.floor((SECONDS * 1000 - first) / interval) }, (_, tick) => {
      const ms = first + tick * interval;
      return { ms, channel, value: value(ms) };
    });
  const irregular: Recorded[] = [];
  for (let ms = random.below(3000); ms < SECONDS * 1000; ms += 1 + random.below(3000)) {
    irregular.push({ ms, channel: 'thickness', value: random.next() });
  }
  const isOff = (ms: number) => ms >= 20_000 && ms < 40_000;
  return [
    ...every('intensity', 100, () => random.below(1000)),
    ...every('temperature', 1000, (ms) => 650 + ms / 1e5),
    ...every('pressure', 500, (ms) => (isOff(ms) ? null : (1 + random.below(99)) * 1e-10), 250),
    ...irregular,
  ].sort((one, other) => one.ms - other.ms);
}

/** Of each channel at a moment, by the recording alone: its last value, unless it is off. */
function heldAt(recording: readonly Recorded[], channel: string, ms: number): number | null {
  return recording.findLast((one) => one.channel === channel && one.ms <= ms)?.value ?? null;
}

describe('a recording of mixed rates', function () {
  this.timeout(120_000);
  let bench: NodesBench;
  const openBench = openerOfShared();
  afterEach(() => bench?.rest());

  /** Sends every reading as a message of its own, and gives back what the service stored. */
  async function stream(recording: readonly Recorded[], fill: 'hold' | 'gap') {
    bench = await openBench({
      series: {
        fill,
        pointsPerChunk: '50',
        channels: [
          { source: 'payload.intensity', channel: 'intensity' },
          { source: 'payload.temperature', channel: 'temperature', units: '°C' },
          { source: 'payload.pressure', channel: 'pressure', units: 'mbar', invalid: '0' },
          { source: 'payload.thickness', channel: 'thickness', units: 'nm' },
        ],
      },
    });
    // The gauge says 0.00E+00 when it is off.
    const ids = recording.map(({ ms, channel, value }) =>
      bench.red.post(SERIES, { payload: { [channel]: value ?? '0.00E+00' }, timestamp: START * 1000 + ms }),
    );
    const last = ids.at(-1) ?? 0;
    await bench.red.waitFor(() => bench.red.completion(last) !== undefined, 'the last reading', 60_000);
    await bench.red.send(SERIES, { action: 'finalize' });
    const { data_id } = await bench.until('series:1', 'finalized');
    assert.deepEqual(bench.codes(), []);
    assert.deepEqual(bench.sandbox.complaints, []);
    const points = await bench.sandbox.readPoints(String(data_id));
    return new Map(
      Object.entries(points).map(([channel, { timestamps, values }]) => [
        channel,
        new Map(timestamps.map((time, row) => [Math.round((time - START) * 1000), values[row] ?? null])),
      ]),
    );
  }

  for (const fill of ['hold', 'gap'] as const) {
    it(`is found again: each value at its own time in its own channel, and nothing else (fill ${fill})`, async () => {
      const recording = record(new Random(7));
      const stored = await stream(recording, fill);
      assert.deepEqual([...stored.keys()].sort(), ['intensity', 'pressure', 'temperature', 'thickness']);
      for (const { ms, channel, value } of recording) {
        if (value !== null) assert.equal(stored.get(channel)?.get(ms), value, `${channel} at ${ms} ms`);
      }
      for (const [channel, rows] of stored) {
        const own = new Map(
          recording.filter((one) => one.channel === channel).map(({ ms, value }) => [ms, value]),
        );
        for (const [ms, value] of rows) {
          const expected = fill === 'gap' ? (own.get(ms) ?? null) : heldAt(recording, channel, ms);
          assert.equal(value, expected, `${channel} at ${ms} ms`);
        }
      }
      const off = [...(stored.get('pressure') ?? [])].filter(([ms]) => ms >= 20_250 && ms < 40_000);
      assert.deepEqual(
        off.filter(([, value]) => value !== null),
        [],
        'no pressure while the gauge is off',
      );
    });
  }
});
