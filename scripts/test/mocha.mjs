import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { root, run } from '../run.mjs';
import { withExit } from './tally.mjs';

/**
 * Runs test files with mocha.
 * @param {readonly string[]} files
 * @param {{ options?: readonly string[], timeoutMs?: number, onLine?: (line: string) => void }} [how]
 * @returns {Promise<{ passed: number, failed: number, skipped: string[], failures: string[] }>} the names of the
 *   skipped ones, and of the failed ones with their errors
 */
export async function mocha(files, { options = [], timeoutMs = 60_000, onLine } = {}) {
  if (files.length === 0) return { passed: 0, failed: 0, skipped: [], failures: [] };
  const folder = mkdtempSync(join(tmpdir(), 'test-counts-'));
  const counts = join(folder, 'counts.json');
  const reporter = join(root, 'scripts', 'test', 'reporter.cjs');
  const args = [
    '--timeout',
    String(timeoutMs),
    '--no-config',
    '--reporter',
    relative(root, reporter),
    ...options,
    ...files,
  ];
  // Node-RED, some hundred times: compiled once for all of these processes.
  const env = { TEST_COUNTS: counts, NODE_COMPILE_CACHE: join(folder, 'compiled') };
  const code = await run('mocha', args, { env, ...(onLine ? { onLine } : {}) });
  let found = { passed: 0, failed: 0, skipped: [], failures: [] };
  try {
    found = JSON.parse(readFileSync(counts, 'utf8'));
  } catch {
    console.error('mocha ended before it had counted its tests');
  }
  rmSync(folder, { recursive: true });
  return withExit(found, code);
}
