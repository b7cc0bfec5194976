/** The command line as a program, and spools for it as the uploader leaves them. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RheedStream } from '../../dist/uploader/rheed.js';
import type { TimeseriesStream } from '../../dist/uploader/timeseries.js';
import type { Reading } from '../../dist/uploader/types.js';
import { Bench, freePort, pushAll, RHEED_SETTINGS } from '../helpers/uploader.mts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `spool …`. */
export function spool(args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}) {
  return runProgram(process.execPath, [MAIN, 'spool', ...args], options);
}

export function runProgram(
  program: string,
  args: readonly string[],
  { env = {}, cwd }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const options = {
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
      maxBuffer: 1e8,
    };
    execFile(program, [...args], options, (error, out, err) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

/** Runs `spool … --json`. */
export async function spoolJson<T>(args: readonly string[]): Promise<T> {
  const { out, err } = await spool([...args, '--json']);
  if (out === '') throw new Error(err);
  return JSON.parse(out) as T;
}

export const CAMERA = { node: 'camera', stream: '' };
export const FURNACE = { node: 'furnace', stream: '' };
/** Unix s of the first reading. */
export const FIRST = 1_700_000_000;

/** Readings `from` … `to − 1` of a furnace: one a second, the pressure only every second time. */
export function readings(from: number, to: number): Reading[] {
  const list: Reading[] = [];
  for (let n = from; n < to; n += 1) {
    list.push({ channel: 'temperature', time: FIRST + n, value: 600 + n, units: '°C' });
    if (n % 2 === 0)
      list.push({ channel: 'pressure, base', time: FIRST + n, value: n * 1e-9, units: 'mbar' });
  }
  return list;
}

export interface LeftSpool {
  readonly bench: Bench;
  readonly endpoint: string;
  readonly port: number;
  /** Folders of the streams. */
  readonly rheed: string;
  readonly series: string;
}

/**
 * What is left when the server was down all the time: three sealed chunks of 20 frames and ten frames of an open one;
 * two sealed chunks of five rows and three rows of an open one.
 */
export async function leftSpool(): Promise<LeftSpool> {
  const bench = await Bench.make();
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const uploader = await bench.acquire({ endpoint });
  const rheed: RheedStream = await uploader.startRheed(CAMERA, RHEED_SETTINGS, {});
  await pushAll(rheed, 0, 70);
  const settings = { streamName: 'furnace', pointsPerChunk: 5, fill: 'gap' };
  const series: TimeseriesStream = await uploader.startTimeseries(FURNACE, settings, {});
  await series.push(readings(0, 13));
  await bench.release(uploader);
  return { bench, endpoint, port, rheed: rheed.folder, series: series.folder };
}

/** All files below a folder with their content's hash and their time of change. */
export async function footprint(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of (await readdir(folder, { recursive: true, withFileTypes: true })).sort()) {
    const path = join(entry.parentPath, entry.name);
    const { mtimeMs } = await stat(path);
    const hash = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : '';
    found[path] = `${mtimeMs} ${hash}`;
  }
  return found;
}

export const scratch = (): Promise<string> => mkdtemp(join(tmpdir(), 'atomscale-cli-'));

export const remove = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
