/**
 * `npm run bench`: builds, measures the suites of `bench/suites/` on this machine, writes JSON, Markdown and SVG, and
 * prints the Markdown. See `arguments.mts` for what can be asked. The exit code is 1 when a suite could not be compared.
 */
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from '../scripts/build.mjs';
import { root } from '../scripts/run.mjs';
import { parseArguments } from './arguments.mts';
import { describeMachine } from './machine.mts';
import { report } from './report/markdown.mts';
import { plots, storedSuites, writeSuite } from './report/write.mts';
import { type Outcome, runSuite } from './rounds.mts';
import type { Suite } from './suite.mts';

const SUITES = join(import.meta.dirname, 'suites');

/** Names of suites: those asked for, or all. */
function chosen(names: readonly string[]): string[] {
  const all = readdirSync(SUITES)
    .filter((file) => file.endsWith('.mts'))
    .map((file) => file.slice(0, -'.mts'.length))
    .sort();
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw new Error(`expected suites out of ${all.join(', ')}, got ${unknown.join(', ')}`);
  return names.length === 0 ? all : all.filter((name) => names.includes(name));
}

async function main(): Promise<boolean> {
  const { names, options, out } = parseArguments(process.argv.slice(2));
  const suites = chosen(names);
  if (!(await build())) throw new Error('the build failed; its messages are above');
  const folder = resolve(root, out);
  const machine = await describeMachine();
  const outcomes: Outcome[] = [];
  for (const name of suites) {
    const { default: suite } = (await import(`./suites/${name}.mts`)) as { default: Suite };
    if (suite.onlyByName && names.length === 0) continue;
    if (options.nodeRed === 4 && !suite.inNodeRed) continue;
    const outcome = await runSuite(name, suite, options, console.error);
    outcomes.push(outcome);
    await writeSuite(folder, machine, outcome);
  }
  // With what earlier runs have measured here: a suite may be measured again by itself.
  await writeFile(join(folder, 'README.md'), report(machine, await storedSuites(folder), plots));
  console.log(report(machine, outcomes));
  return outcomes.every((outcome) => !('refused' in outcome));
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
