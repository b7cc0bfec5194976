import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Limit, Thinning } from '../../dist/nodes/timeseries-stream/thinning.js';

const series = (...points: [number, number | null][]) =>
  points.map(([time, value]) => ({ channel: 'T', time, value }));
const limits = (limit: Partial<Limit>) => new Map([['T', { minInterval: 0, deadband: 0, ...limit }]]);

/** Keeps one reading a message. */
function kept(readings: ReturnType<typeof series>, limit?: Partial<Limit>): [number, number | null][] {
  const thinning = new Thinning();
  return readings
    .flatMap((reading) => thinning.keep([reading], limit && limits(limit)))
    .map(({ time, value }) => [time as number, value]);
}

describe('thinning', () => {
  it('keeps every value of a channel without limits', () => {
    const points = series([1, 5], [1, 5], [2, 5]);
    assert.equal(kept(points).length, 3);
  });

  it('leaves out what comes sooner than the least interval', () => {
    const points = Array.from(
      { length: 31 },
      (_, tenth) => [1_700_000_000 + tenth / 10, tenth] as [number, number],
    );
    const times = kept(series(...points), { minInterval: 0.5 }).map(([, value]) => value);
    assert.deepEqual(times, [0, 5, 10, 15, 20, 25, 30]);
  });

  it('leaves out what differs by no more than the deadband', () => {
    assert.deepEqual(kept(series([1, 20], [2, 20.5], [3, 19.5], [4, 20.6], [5, 20.2]), { deadband: 0.5 }), [
      [1, 20],
      [4, 20.6],
    ]);
  });

  it('never is further from what came than the deadband', () => {
    const anyWalk = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 });
    fc.assert(
      fc.property(anyWalk, fc.double({ noNaN: true, min: 0.001, max: 1e5 }), (values, deadband) => {
        const thinning = new Thinning();
        let last = Number.NaN;
        for (const [time, value] of values.entries()) {
          last = thinning.keep(series([time, value]), limits({ deadband }))[0]?.value ?? last;
          assert.ok(Math.abs(last - value) <= deadband);
        }
      }),
    );
  });

  it('tells a gap once, and what comes after it always', () => {
    const points = series([1, 20], [2, null], [3, null], [4, 20], [5, 20]);
    assert.deepEqual(kept(points, { deadband: 1, minInterval: 10 }), [
      [1, 20],
      [2, null],
      [4, 20],
    ]);
    assert.deepEqual(
      kept(points).map(([time]) => time),
      [1, 2, 4, 5],
    );
  });

  it('keeps again what was not stored', () => {
    const thinning = new Thinning();
    assert.equal(thinning.keep(series([1, 20]), limits({ deadband: 1 })).length, 1);
    thinning.forget();
    assert.equal(thinning.keep(series([2, 20]), limits({ deadband: 1 })).length, 1);
  });

  it('limits only the channels that ask for it', () => {
    const thinning = new Thinning();
    const message = (time: number) => [
      { channel: 'T', time, value: 1 },
      { channel: 'p', time, value: 1 },
    ];
    thinning.keep(message(1), limits({ minInterval: 10 }));
    assert.deepEqual(
      thinning.keep(message(2), limits({ minInterval: 10 })).map(({ channel }) => channel),
      ['p'],
    );
  });
});
