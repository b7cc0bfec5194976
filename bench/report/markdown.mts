import type { Machine } from '../machine.mts';
import type { GoalResult, Outcome, SuiteResult } from '../rounds.mts';
import { type Spread, spread } from '../statistics.mts';

/**
 * The whole report: what was asked and measured, the machine, then a table a suite.
 *
 * @param plots names of a suite's plots, beside the report
 */
export function report(
  machine: Machine,
  outcomes: readonly Outcome[],
  plots: (outcome: Outcome) => readonly string[] = () => [],
): string {
  const measured = outcomes.filter((outcome) => 'sides' in outcome);
  const goals = measured.flatMap((outcome) => outcome.goals);
  const sections = [
    '# Measured',
    machineText(machine),
    goals.length === 0 ? '' : goalTable(goals),
    ...outcomes.flatMap((outcome) => {
      if ('skipped' in outcome) return [`\`${outcome.name}\` was skipped: ${outcome.skipped}.`];
      if ('refused' in outcome)
        return [`\`${outcome.name}\` is not comparable, so nothing is printed: ${outcome.refused}.`];
      return [suiteText(outcome), ...plots(outcome).map((file) => `![](${file})`)];
    }),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function machineText({ cpu, cores, memory_gb, system, disk, sync_ms, versions }: Machine) {
  const listed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `${cores} × ${cpu}, ${memory_gb} GB, ${system}, ${disk} (4 KB written and synced: ${sync_ms.toFixed(1)} ms). ` +
    `${listed.join(', ')}. Medians of alternating rounds, smallest and largest in parentheses.`
  );
}

function goalTable(goals: readonly GoalResult[]): string {
  const rows = goals.map(({ work, goal, measured, unit, digits, met }) => {
    const value = Number.isNaN(measured.median) ? 'not measured' : `${withRange(measured, digits)}${unit}`;
    return [work, goal, value, met === null ? '' : met ? 'yes' : 'no'];
  });
  return table(['work', 'goal', 'measured', 'met'], rows);
}

function suiteText({ title, command, work, columns, sides }: SuiteResult): string {
  const rows = sides.map((side) => [
    side.name,
    ...columns.map(({ figure, digits }) => {
      const values = side.rounds.flatMap(({ figures }) => figures[figure] ?? []);
      return values.length === 0 ? '' : withRange(spread(values), digits);
    }),
  ]);
  const rounds = Math.max(...sides.map((side) => side.rounds.length));
  return `## ${title}\n\n\`${command}\`: ${work}. ${rounds === 1 ? 'One round' : `${rounds} rounds`}.\n\n${table(['', ...columns.map((column) => column.title)], rows)}`;
}

/** `3.10 (2.98–3.21)`; a single round has no range. */
function withRange({ median, min, max }: Spread, digits: number): string {
  const text = (value: number) => Number(value.toFixed(digits)).toLocaleString('en-US', fixed(digits));
  return min === max ? text(median) : `${text(median)} (${text(min)}–${text(max)})`;
}

const fixed = (digits: number) => ({ minimumFractionDigits: digits, maximumFractionDigits: digits });

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
