import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Runs one Rust test of the core, in release, with more work than usual.
 *
 * @param args of `cargo test`
 * @param env the work's size and seed, which is also how to run it again
 * @param again the command that `env` stands before
 * @returns its seconds
 * @throws Error with its output when it is not one test that passes
 */
export function cargoTest(args: readonly string[], env: Record<string, string>, again: string): string {
  const { status, stdout, stderr } = spawnSync(
    'cargo',
    ['test', '--release', '-p', 'atomscale-core', ...args],
    {
      cwd: fileURLToPath(new URL('../../native/', import.meta.url)),
      env: { ...process.env, ...env },
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    },
  );
  const settings = Object.entries(env).map((pair) => pair.join('='));
  if (status !== 0 || !/ 1 passed/.test(stdout))
    throw new Error(`${stdout}\n${stderr}\nreplay: ${settings.join(' ')} ${again}`);
  return /finished in ([\d.]+)s/.exec(stdout)?.[1] ?? '?';
}
