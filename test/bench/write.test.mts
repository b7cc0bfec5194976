import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from '../../bench/machine.mts';
import { report } from '../../bench/report/markdown.mts';
import { plots, storedSuites, writeSuite } from '../../bench/report/write.mts';
import type { SuiteResult } from '../../bench/rounds.mts';

const machine: Machine = {
  cpu: 'cpu',
  cores: 2,
  memory_gb: 24,
  system: 'system',
  disk: 'disk',
  sync_ms: 1,
  versions: {},
};

const suite = (name: string, value: number): SuiteResult => ({
  name,
  title: name,
  command: `npm run bench -- ${name}`,
  work: 'w',
  columns: [{ figure: 'rate', title: 'rate', digits: 0 }],
  sides: [{ name: 'ours', rounds: [{ figures: { rate: value } }] }],
  goals: [
    {
      work: 'w',
      goal: 'g',
      measured: { median: Number.NaN, min: value, max: value },
      unit: '',
      digits: 0,
      met: null,
    },
  ],
});

describe('the results of the bench', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bench-results-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are those of all suites measured into a folder, each by its last run', async () => {
    await writeSuite(folder, machine, suite('b', 1));
    await writeSuite(folder, machine, suite('a', 2));
    await writeSuite(folder, machine, suite('b', 3));
    const stored = await storedSuites(folder);
    assert.deepEqual(
      stored.map((outcome) => [
        outcome.name,
        'sides' in outcome && outcome.sides[0]?.rounds[0]?.figures.rate,
      ]),
      [
        ['a', 2],
        ['b', 3],
      ],
    );
    const text = report(machine, stored, plots);
    assert.match(text, /not measured/);
    assert.match(text, /`npm run bench -- a`: w\. One round\./);
    assert.match(text, /!\[\]\(a\.svg\)/);
  });
});
