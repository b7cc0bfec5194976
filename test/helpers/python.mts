import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * The Python that tests use as an oracle: the official client, zarr-python, numpy and Pillow in a virtual
 * environment in `.venv/`, made once, by whichever test process comes first.
 */
export type Python = { readonly path: string } | { readonly skip: string };

const packages = ['atomscale==0.21.10', 'zarr', 'numpy', 'pillow'];

const folder = fileURLToPath(new URL('../../.venv/', import.meta.url));
const interpreter =
  process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
const ready = join(
  folder,
  `ready-${createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 12)}`,
);
const lock = join(folder, 'lock');

const exec = promisify(execFile);
let made: Promise<Python> | undefined;

/** Takes minutes the first time: give the hook that calls it `this.timeout(600_000)`. */
export function python(): Promise<Python> {
  made ??= make();
  return made;
}

async function make(): Promise<Python> {
  await mkdir(folder, { recursive: true });
  while (!existsSync(ready)) {
    if (!(await takeLock())) {
      await sleep(500);
      continue;
    }
    try {
      const fault = existsSync(ready) ? null : await install();
      if (fault !== null) {
        return { skip: fault };
      }
    } finally {
      await rm(lock, { force: true });
    }
  }
  return { path: interpreter };
}

async function install(): Promise<string | null> {
  const launcher = process.platform === 'win32' ? 'python' : 'python3';
  try {
    await exec(launcher, ['-m', 'venv', folder]);
  } catch (error) {
    return `no Python with venv here (${reason(error)})`;
  }
  try {
    await exec(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
  } catch (error) {
    return `pip could not install ${packages.join(', ')} (${reason(error)})`;
  }
  await writeFile(ready, '');
  return null;
}

/** The last line a failed program wrote says why. */
function reason(error: unknown): string {
  const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string };
  const said = `${stdout}\n${stderr}`.trim().split('\n').at(-1);
  return said || (error instanceof Error ? error.message : String(error));
}

/** A lock left by a process that is gone is taken over. */
async function takeLock(): Promise<boolean> {
  try {
    const file = await open(lock, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw error;
    }
  }
  const owner = Number(await readFile(lock, 'utf8').catch(() => ''));
  if (owner > 0 && !isAlive(owner)) {
    await rm(lock, { force: true });
  }
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
