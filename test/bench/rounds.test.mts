import assert from 'node:assert/strict';
import { report } from '../../bench/report/markdown.mts';
import { judge, runSuite } from '../../bench/rounds.mts';
import { median, spread } from '../../bench/statistics.mts';
import type { Goal, Measurement, Prepared, Side, Suite } from '../../bench/suite.mts';

const options = { quick: false, rounds: 3, frames: '', minutes: 1, nodeRed: 5 } as const;
const quiet = (): void => {};

/** A side that gives these measurements one after the other, the last of them again and again. */
function side(name: string, ...given: Measurement[]): Side {
  let next = 0;
  return {
    name,
    measure: async () => {
      next = Math.min(next + 1, given.length);
      return given[next - 1] as Measurement;
    },
  };
}

const rate = (frames_per_s: number, pixels = 'same'): Measurement => ({
  figures: { frames_per_s },
  delivered: { of: 'frames', frames: 10, pixels },
});

const suiteOf = (sides: Side[], goals: Goal[] = [], dispose?: () => Promise<void>): Suite => ({
  title: 'A suite',
  prepare: async (): Promise<Prepared> => ({
    work: 'nothing much',
    sides,
    goals,
    columns: [{ figure: 'frames_per_s', title: 'frames/s', digits: 0 }],
    ...(dispose ? { dispose } : {}),
  }),
});

const twice: Goal = {
  work: 'frames',
  goal: '≥ 2x',
  value: (look) => look('ours', 'frames_per_s') / look('theirs', 'frames_per_s'),
  min: 2,
  unit: 'x',
};

describe('bench: rounds', () => {
  it('leaves the warm-up out, and judges goals by the medians', async () => {
    const sides = [
      side('ours', rate(1), rate(10), rate(30), rate(20)),
      side('theirs', rate(1), rate(10), rate(10), rate(5)),
    ];
    const outcome = await runSuite('a', suiteOf(sides, [twice]), options, quiet);
    assert.ok('sides' in outcome);
    assert.equal(outcome.sides[0]?.rounds.length, 3);
    assert.deepEqual(outcome.goals[0]?.measured, { median: 2, min: 1, max: 4 });
    assert.equal(outcome.goals[0]?.met, true);
  });

  it('prints no figure of a suite whose sides delivered other pixels', async () => {
    let disposed = false;
    const sides = [side('ours', rate(12_345)), side('theirs', rate(54_321), rate(54_321, 'others'))];
    const suite = suiteOf(sides, [twice], async () => {
      disposed = true;
    });
    const outcome = await runSuite('a', suite, options, quiet);
    assert.ok('refused' in outcome);
    const text = report(machine, [outcome]);
    assert.match(text, /not comparable, so nothing is printed: expected the server to hold the same pixels/);
    assert.doesNotMatch(text, /12,345|54,321/);
    assert.ok(disposed);
  });

  it('prints no figure of a suite in which a side failed', async () => {
    const failing: Side = { name: 'theirs', measure: () => Promise.reject(new Error('a frame is missing')) };
    const outcome = await runSuite('a', suiteOf([side('ours', rate(12_345)), failing]), options, quiet);
    assert.deepEqual(outcome, { name: 'a', refused: 'a frame is missing' });
  });

  it('says of a skipped suite why', async () => {
    const suite: Suite = { title: 'A suite', prepare: async () => ({ skip: 'no frames here' }) };
    const outcome = await runSuite('a', suite, options, quiet);
    assert.match(report(machine, [outcome]), /`a` was skipped: no frames here\./);
  });

  it('does not call a goal met or missed when a side was not measured', () => {
    const result = judge(twice, [{ name: 'ours', rounds: [rate(10)] }]);
    assert.equal(result.met, null);
    const outcome = {
      name: 'a',
      title: 'A',
      command: 'c',
      work: 'w',
      columns: [],
      sides: [],
      goals: [result],
    };
    assert.match(report(machine, [outcome]), /\| frames \| ≥ 2x \| not measured \| {2}\|/);
  });

  it('takes the mean of the middle two of an even number of rounds', () => {
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.deepEqual(spread([2, 9, 4]), { median: 4, min: 2, max: 9 });
    assert.equal(median([]), Number.NaN);
  });
});

const machine = {
  cpu: 'a processor',
  cores: 2,
  memory_gb: 8,
  system: 'a system',
  disk: 'a disk',
  sync_ms: 1,
  versions: {},
};
