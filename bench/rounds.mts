/** A suite's rounds: every side once a round, one after the other, so that what changes on the machine hits all. */
import { commandOf } from './arguments.mts';
import { type Spread, spread } from './statistics.mts';
import type { Column, Delivered, Goal, Look, Measurement, Options, Prepared, Suite } from './suite.mts';

export interface GoalResult {
  readonly work: string;
  readonly goal: string;
  /** From the medians; `min` and `max` are those of single rounds. NaN when a side was not measured. */
  readonly measured: Spread;
  readonly unit: string;
  readonly digits: number;
  readonly met: boolean | null;
}

export interface SuiteResult {
  readonly name: string;
  readonly title: string;
  /** What measures it again. */
  readonly command: string;
  readonly work: string;
  readonly columns: readonly Column[];
  readonly sides: readonly { readonly name: string; readonly rounds: readonly Measurement[] }[];
  readonly goals: readonly GoalResult[];
}

export type Outcome = SuiteResult | { readonly name: string; readonly skipped: string } | Refused;

/** Nothing of such a suite is printed: its figures would compare different work. */
export interface Refused {
  readonly name: string;
  readonly refused: string;
}

/** @param file name of the suite's file, without its ending */
export async function runSuite(
  file: string,
  suite: Suite,
  options: Options,
  tell: (line: string) => void,
): Promise<Outcome> {
  // On Node-RED 4.1 a suite has results of its own.
  const [name, title] =
    options.nodeRed === 4 ? [`${file}-4`, `${suite.title}, Node-RED 4.1`] : [file, suite.title];
  let prepared: Prepared | undefined;
  try {
    const found = await suite.prepare(options);
    if ('skip' in found) return { name, skipped: found.skip };
    prepared = found;
    const measured = await run(name, prepared, options, tell);
    return { name, title, command: commandOf(file, options), ...measured };
  } catch (error) {
    return { name, refused: (error as Error).message };
  } finally {
    await prepared?.dispose?.();
  }
}

async function run(
  name: string,
  { work, sides, goals, columns, rounds: fixed }: Prepared,
  { quick, rounds: asked }: Options,
  tell: (line: string) => void,
): Promise<Pick<SuiteResult, 'work' | 'columns' | 'sides' | 'goals'>> {
  const rounds = fixed ?? asked;
  const measured = sides.map((side) => ({ name: side.name, rounds: [] as Measurement[] }));
  for (let round = quick || fixed !== undefined ? 1 : 0; round <= rounds; round += 1) {
    for (const [i, side] of sides.entries()) {
      const began = performance.now();
      const measurement = await side.measure();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      const [first] = columns;
      const value = first && `${first.title} ${measurement.figures[first.figure]?.toFixed(first.digits)}`;
      tell(
        `${name}: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${side.name}: ${value} (${seconds} s)`,
      );
      if (round > 0) measured[i]?.rounds.push(measurement);
    }
    checkAgreement(measured);
  }
  return { work, columns, sides: measured, goals: goals.map((goal) => judge(goal, measured)) };
}

/** @throws Error when sides that say what arrived do not say the same */
export function checkAgreement(
  sides: readonly { readonly name: string; readonly rounds: readonly Pick<Measurement, 'delivered'>[] }[],
): void {
  const told = sides.flatMap(({ name, rounds }) =>
    rounds.flatMap(({ delivered }) => (delivered === undefined ? [] : [{ name, delivered }])),
  );
  for (const { name, delivered } of told) {
    const first = told.find((one) => one.delivered.of === delivered.of) as Told;
    if (same(delivered, first.delivered)) continue;
    throw new Error(
      `expected the server to hold the same pixels from all sides, got ${words(first)} and ${words({ name, delivered })}`,
    );
  }
}

type Told = { readonly name: string; readonly delivered: Delivered };

const same = (one: Delivered, other: Delivered): boolean =>
  one.frames === other.frames && one.pixels === other.pixels;

const words = ({ name, delivered: { frames, pixels } }: Told): string =>
  `${frames} frames ${pixels.slice(0, 8)} from ${name}`;

/** The goal on the medians, with its spread over the rounds. */
export function judge(
  goal: Goal,
  sides: readonly { readonly name: string; readonly rounds: readonly Pick<Measurement, 'figures'>[] }[],
): GoalResult {
  const figures = (side: string, figure: string): number[] =>
    sides.find(({ name }) => name === side)?.rounds.map((round) => round.figures[figure] ?? Number.NaN) ?? [];
  const value = goal.value((side, figure) => spread(figures(side, figure)).median);
  const count = Math.max(...sides.map(({ rounds }) => rounds.length));
  const single = (round: number): Look => {
    return (side, figure) => figures(side, figure)[round] ?? Number.NaN;
  };
  const { min, max } = spread(Array.from({ length: count }, (_, round) => goal.value(single(round))));
  return {
    work: goal.work,
    goal: goal.goal,
    measured: { median: value, min, max },
    unit: goal.unit,
    digits: goal.digits ?? 2,
    met: Number.isNaN(value)
      ? null
      : value >= (goal.min ?? Number.NEGATIVE_INFINITY) && value <= (goal.max ?? Number.POSITIVE_INFINITY),
  };
}
