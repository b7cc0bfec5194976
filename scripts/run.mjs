import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const windows = process.platform === 'win32';

/** The environment of every tool: the checkout's own programs (Node 24 among them) come first. */
export function toolEnv(extra = {}) {
  const env = { ...process.env, ...extra };
  const name = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  env[name] = [join(root, 'node_modules', '.bin'), env[name]].filter(Boolean).join(delimiter);
  return env;
}

/**
 * Runs a program in the checkout and resolves to its exit code; 127 when there is no such program.
 * `onLine` gets a copy of what it writes, line by line.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, onLine?: (line: string) => void, quiet?: boolean }} [options]
 * @returns {Promise<number>}
 */
export function run(command, args, { cwd = root, env, onLine, quiet = false } = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd,
      env: toolEnv(env),
      stdio: ['ignore', quiet || onLine ? 'pipe' : 'inherit', quiet || onLine ? 'pipe' : 'inherit'],
      shell: windows,
    });
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      if (!from) continue;
      let rest = '';
      from.setEncoding('utf8').on('data', (text) => {
        if (!quiet) to.write(text);
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) onLine?.(line);
      });
      from.on('end', () => rest && onLine?.(rest));
    }
    child.on('error', (error) => {
      if (!quiet) console.error(`${command}: ${error.message}`);
      done(127);
    });
    child.on('close', (code) => done(code ?? 1));
  });
}

/** What a program writes to its output, null when it is not there or fails. */
export async function output(command, args) {
  const lines = [];
  const code = await run(command, args, { quiet: true, onLine: (line) => lines.push(line) });
  return code === 0 ? lines.join('\n') : null;
}
