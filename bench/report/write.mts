import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine.mts';
import type { Outcome, SuiteResult } from '../rounds.mts';
import { median, spread } from '../statistics.mts';
import type { Measurement } from '../suite.mts';
import { bars, lines } from './svg.mts';

/** `NAME.json` with everything, `NAME.svg` with the first column as bars, `NAME-CURVE.svg` for what runs over time. */
export async function writeSuite(folder: string, machine: Machine, outcome: Outcome): Promise<void> {
  await mkdir(folder, { recursive: true });
  const measured_at = new Date().toISOString();
  const text = JSON.stringify({ measured_at, machine, ...outcome }, null, 1);
  await writeFile(join(folder, `${outcome.name}.json`), `${text}\n`);
  if (!('sides' in outcome)) return;
  for (const [name, svg] of drawings(outcome)) await writeFile(join(folder, name), svg);
}

/** What `writeSuite` has written into a folder, by the suites' names. */
export async function storedSuites(folder: string): Promise<Outcome[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  // JSON has no NaN, which stands for what was not measured.
  const revive = (key: string, value: unknown): unknown =>
    value === null && key !== 'met' ? Number.NaN : value;
  return texts.map((text) => JSON.parse(text, revive) as Outcome);
}

/** Names of a suite's plots. */
export function plots(outcome: Outcome): string[] {
  return 'sides' in outcome ? [...drawings(outcome)].map(([name]) => name) : [];
}

function* drawings({ name, title, columns: [first], sides }: SuiteResult): Generator<[string, string]> {
  if (first !== undefined) {
    const all = sides.flatMap((side) => {
      const values = side.rounds.flatMap(({ figures }) => figures[first.figure] ?? []);
      const { median: value, min, max } = spread(values);
      return values.length === 0 ? [] : [{ name: side.name, value, min, max }];
    });
    yield [`${name}.svg`, bars(title, first.title, all)];
  }
  const shown = sides.map((side) => ({
    name: side.name,
    curves: middle(side.rounds, first?.figure)?.curves ?? {},
  }));
  for (const curve of new Set(shown.flatMap(({ curves }) => Object.keys(curves)))) {
    const drawn = shown.flatMap((side) => {
      const found = side.curves[curve];
      return found === undefined || found.points.length === 0 ? [] : [{ name: side.name, ...found }];
    });
    const [one] = drawn;
    if (one !== undefined)
      yield [`${name}-${curve}.svg`, lines(`${title}: ${one.title.toLowerCase()}`, one.unit, drawn)];
  }
}

/** The round whose figure is nearest to the median. */
function middle(rounds: readonly Measurement[], figure = ''): Measurement | undefined {
  const of = (round: Measurement): number => round.figures[figure] ?? 0;
  const target = median(rounds.map(of));
  const distance = (round: Measurement): number => Math.abs(of(round) - target);
  return [...rounds].sort((one, other) => distance(one) - distance(other))[0];
}
