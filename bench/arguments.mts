import { parseArgs } from 'node:util';
import type { Options } from './suite.mts';

export const USAGE = `npm run bench -- [NAME…] [--quick] [--rounds N] [--frames DIR] [--minutes N]
              [--node-red 4|5] [--out DIR]

NAME…        suites by name (bench/suites/NAME.mts); all of them by default
--quick      all suites in two minutes: little work, one round, no warm-up; for a look, not for a figure
--rounds N   alternating rounds, 5 by default
--frames DIR real RHEED frames (dep_*.bmp, 8-bit gray), ../shared/frames by default
--minutes N  length of the soak \`hour\`, which is measured only by its name: 60 by default
--node-red 4 suites that run in Node-RED run in 4.1, others are left out; 5 by default
--out DIR    where JSON, Markdown and SVG go: bench/results by default, artifacts/bench with --quick`;

const ROUNDS = 5;
const MINUTES = 60;

export interface Arguments {
  readonly names: readonly string[];
  readonly options: Options;
  readonly out: string;
}

/** @throws Error with what was expected, what came, and the usage */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parsed(argv);
  const quick = values.quick ?? false;
  const rounds = Number(values.rounds ?? (quick ? 1 : ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds: expected a whole number from 1 on, got ${values.rounds}\n\n${USAGE}`);
  }
  const minutes = Number(values.minutes ?? MINUTES);
  if (!(minutes > 0))
    throw new Error(`--minutes: expected a number above 0, got ${values.minutes}\n\n${USAGE}`);
  const version = values['node-red'] ?? '5';
  if (version !== '4' && version !== '5')
    throw new Error(`--node-red: expected 4 or 5, got ${version}\n\n${USAGE}`);
  const nodeRed = version === '4' ? 4 : 5;
  return {
    names: positionals,
    options: { quick, rounds, frames: values.frames ?? '../shared/frames', minutes, nodeRed },
    out: values.out ?? (quick ? 'artifacts/bench' : 'bench/results'),
  };
}

/** What measures a suite so again; frames of one's own have a place that is nobody else's. */
export function commandOf(name: string, { quick, rounds, minutes, nodeRed }: Options): string {
  const words = ['npm run bench --', name];
  if (quick) words.push('--quick');
  if (rounds !== (quick ? 1 : ROUNDS)) words.push(`--rounds ${rounds}`);
  if (minutes !== MINUTES) words.push(`--minutes ${minutes}`);
  if (nodeRed === 4) words.push('--node-red 4');
  return words.join(' ');
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean' },
        rounds: { type: 'string' },
        frames: { type: 'string' },
        minutes: { type: 'string' },
        'node-red': { type: 'string' },
        out: { type: 'string' },
      },
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${USAGE}`);
  }
}
