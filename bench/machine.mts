import { execFile } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { cpus, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { python } from '../test/helpers/python.mts';
import { median } from './statistics.mts';

/** Where the figures come from. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gb: number;
  readonly system: string;
  /** Of the folder for temporary files, where both sides spool. */
  readonly disk: string;
  /** Median of 20 writes of 4 KB, each synced, ms. */
  readonly sync_ms: number;
  readonly versions: Readonly<Record<string, string>>;
}

export async function describeMachine(): Promise<Machine> {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    disk: await diskOf(tmpdir()),
    sync_ms: await syncTime(),
    versions: { node: process.version, ...(await versions()) },
  };
}

/** The file system a folder is on, `unknown` where the system does not say. */
async function diskOf(folder: string): Promise<string> {
  const mounts = await readFile('/proc/mounts', 'utf8').catch(() => '');
  const [best] = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at = '-']) => `${folder}/`.startsWith(at === '/' ? at : `${at}/`))
    .sort(([, one = ''], [, other = '']) => other.length - one.length);
  return best === undefined ? 'unknown' : `${best[2]} on ${best[0]}`;
}

async function syncTime(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-disk-'));
  const file = await open(join(folder, 'file'), 'w');
  const times: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    const began = performance.now();
    await file.write(new Uint8Array(4096));
    await file.datasync();
    times.push(performance.now() - began);
  }
  await file.close();
  await rm(folder, { recursive: true });
  return median(times);
}

async function versions(): Promise<Record<string, string>> {
  const found = await python();
  if ('skip' in found) return {};
  const script =
    "import platform, json, importlib.metadata as m; print(json.dumps({'python': platform.python_version(), " +
    "**{name: m.version(name) for name in ('atomscale', 'numpy', 'zarr', 'pillow')}}))";
  const { stdout } = await promisify(execFile)(found.path, ['-c', script]);
  return JSON.parse(stdout) as Record<string, string>;
}
