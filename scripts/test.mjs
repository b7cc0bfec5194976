/**
 * `npm test`: builds, checks, and runs every test; the last line reads `N passed, N failed, N skipped`.
 * A failed step does not keep the later ones from running, so that one run tells all.
 * With arguments: only mocha, on the test files whose path contains one of them (`npm test -- examples`).
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ensureCargo } from './ensure-cargo.mjs';
import { root, run } from './run.mjs';
import { licences, vulnerabilities } from './test/audit.mjs';
import { mocha } from './test/mocha.mjs';
import { cargoCounts, check, sum, verdict, withExit } from './test/tally.mjs';

const only = process.argv.slice(2);
const native = join(root, 'native');
const skippedNames = [];
const failedNames = [];

const steps = {
  build: async () => check((await build()) ? 0 : 1),
  'format and lint': () => runCheck('biome', ['ci', '--colors=off']),
  'types: nodes, uploader': () => runCheck('tsc', ['-p', 'tsconfig.json', '--noEmit']),
  'types: tools, tests': () => runCheck('tsc', ['-p', 'tsconfig.tools.json']),
  'Rust format': () => runCheck('cargo', ['fmt', '--all', '--check'], native),
  'Rust lint': () =>
    runCheck('cargo', ['clippy', '--quiet', '--all-targets', '--', '-D', 'warnings'], native),
  'Rust tests': cargoTests,
  licences: () => licences(skippedNames),
  'known vulnerabilities': () => vulnerabilities(skippedNames),
  'tests side by side': () =>
    mochaCounts(
      testFiles().filter((path) => !isSerial(path)),
      // They mostly wait.
      ['--parallel', '--jobs', '4'],
    ),
  'tests one by one': () => mochaCounts(testFiles().filter(isSerial), []),
};
const wanted = only.length === 0 ? Object.keys(steps) : ['tests side by side', 'tests one by one'];

const results = [];
// One line says how to get cargo; the Rust steps then fail by themselves.
if (only.length === 0) await ensureCargo();
for (const name of wanted) {
  console.log(`\n=== ${name}`);
  const began = performance.now();
  const counts = await steps[name]();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  results.push({ name, counts, seconds });
  console.log(`=== ${name}: ${verdict(counts)} (${seconds} s)`);
}

console.log('\n=== summary');
for (const { name, counts, seconds } of results) {
  console.log(`${counts.failed ? 'FAILED' : 'ok    '}  ${name} (${seconds} s): ${verdict(counts)}`);
}
for (const name of skippedNames) console.log(`skipped: ${name}`);
for (const name of failedNames) console.log(`failed: ${name}`);
const total = sum(results.map(({ counts }) => counts));
process.exitCode = total.failed === 0 ? 0 : 1;
console.log(verdict(total));

async function runCheck(command, args, cwd = root) {
  return check(await run(command, args, { cwd }));
}

async function cargoTests() {
  const lines = [];
  const code = await run('cargo', ['test', '--quiet', '--workspace'], {
    cwd: native,
    onLine: (line) => lines.push(line),
  });
  return withExit(cargoCounts(lines), code);
}

/** Tests that need the machine to themselves: `*.serial.test.mts`. */
function isSerial(path) {
  return path.endsWith('.serial.test.mts');
}

function testFiles() {
  return readdirSync(join(root, 'test'), { recursive: true })
    .map((path) => join('test', path))
    .filter(
      (path) => path.endsWith('.test.mts') && (only.length === 0 || only.some((part) => path.includes(part))),
    )
    .sort();
}

async function mochaCounts(files, options) {
  const { skipped, failures, ...counts } = await mocha(files, { options });
  skippedNames.push(...skipped);
  failedNames.push(...failures);
  return { ...counts, skipped: skipped.length };
}
