/**
 * `npm run soak`: builds, then runs every test/soak/*.soak.mts one by one; the last line reads
 * `N passed, N failed, N skipped`. With arguments: those whose path contains one of them (`npm run soak -- torture`).
 * What a soak has measured it prints in lines that begin with `figures:`; the summary repeats them.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { root } from './run.mjs';
import { mocha } from './test/mocha.mjs';
import { check, sum, verdict } from './test/tally.mjs';

const FIGURES = /^\s*figures: /;

const only = process.argv.slice(2);
const files = readdirSync(join(root, 'test', 'soak'))
  .filter((name) => name.endsWith('.soak.mts'))
  .filter((name) => only.length === 0 || only.some((part) => name.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`test/soak: expected soaks whose name contains ${only.join(' or ')}, found none`);
  process.exit(1);
}

const results = [{ name: 'build', counts: check((await build()) ? 0 : 1), seconds: 0, figures: [] }];
for (const name of files) {
  console.log(`\n=== ${name}`);
  const began = performance.now();
  const figures = [];
  const { skipped, failures, ...counts } = await mocha([join('test', 'soak', name)], {
    timeoutMs: 6 * 3_600_000,
    onLine: (line) => FIGURES.test(line) && figures.push(line.replace(FIGURES, '')),
  });
  for (const title of skipped) figures.push(`skipped: ${title}`);
  for (const title of failures) figures.push(`failed: ${title}`);
  const seconds = Math.round((performance.now() - began) / 1000);
  results.push({ name, counts: { ...counts, skipped: skipped.length }, seconds, figures });
}

console.log('\n=== summary');
for (const { name, counts, seconds, figures } of results) {
  console.log(`${counts.failed ? 'FAILED' : 'ok    '}  ${name} (${seconds} s): ${verdict(counts)}`);
  for (const line of figures) console.log(`        ${line}`);
}
const total = sum(results.map(({ counts }) => counts));
process.exitCode = total.failed === 0 ? 0 : 1;
console.log(verdict(total));
