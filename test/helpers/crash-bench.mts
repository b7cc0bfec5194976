/** Stream lives that end, or whose disk fails, at a chosen file operation. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StreamKind } from '../../dist/uploader/types.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { finish, Recoverer } from './after-crash.mts';
import { cutPower, type Disk } from './power-cut.mts';
import type { LifeOptions, Promised } from './stream-lives.mts';

/** The process ends before, within or after the operation; or the operation fails, and those up to `until`. */
export const HOWS = ['before', 'half', 'after', 'EIO', 'ENOSPC'] as const;

export interface CrashPoint {
  readonly kind: StreamKind;
  readonly how: (typeof HOWS)[number];
  readonly at: number;
  readonly until: number;
  /** With it the power fails, too: what is left of the disk then. */
  readonly disk?: Disk;
}

/** An operation as the shim tells it. */
export interface Operation {
  readonly n: number;
  readonly op:
    | 'create'
    | 'truncate'
    | 'write'
    | 'cut'
    | 'sync'
    | 'rename'
    | 'unlink'
    | 'mkdir'
    | 'rmdir'
    | 'link';
  readonly path: string;
  readonly to: string;
  readonly at: number;
  /** errno. */
  readonly failed: number;
  readonly hex: string;
}

export const isPromise = (line: object): line is { promised: Promised } => 'promised' in line;

/** Why these tests cannot run here; undefined when they can. */
export function missing(): string | undefined {
  if (process.platform !== 'linux') return 'the shim needs Linux';
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'the shim needs a C compiler (cc)';
  }
}

/** A folder with the shim, and one life after the other in it. */
export class CrashBench {
  readonly #folder: string;
  readonly #sandbox: Sandbox;
  readonly #recoverer = new Recoverer();
  #lives = 0;

  private constructor(folder: string, sandbox: Sandbox) {
    this.#folder = folder;
    this.#sandbox = sandbox;
  }

  static async make(): Promise<CrashBench> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'crash-points-')));
    const source = join(import.meta.dirname, 'crash-shim.c');
    execFileSync('cc', [
      '-O1',
      '-shared',
      '-fPIC',
      '-o',
      join(folder, 'shim.so'),
      source,
      '-ldl',
      '-lpthread',
    ]);
    return new CrashBench(folder, await startSandbox());
  }

  async end(): Promise<void> {
    await this.#recoverer.end();
    await this.#sandbox.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** An undisturbed life: its operations, and what it was promised between them. */
  async trace(kind: StreamKind): Promise<(Operation | { promised: Promised })[]> {
    const life = await this.#live(kind, (report) => ({ CRASH_TRACE: report }));
    assert.equal(life.code, 0, `a life without a fault ended with ${life.code}`);
    await rm(life.folder, { recursive: true });
    return life.lines;
  }

  /** Lives up to the point, then recovers and finishes; throws what does not hold. */
  async check({ kind, how, at, until, disk }: CrashPoint): Promise<void> {
    const life = await this.#live(kind, (report) => ({
      CRASH_HOW: how,
      CRASH_AT: String(at),
      CRASH_UNTIL: String(until),
      ...(disk === undefined ? {} : { CRASH_TRACE: report }),
    }));
    let promises = life.lines.filter(isPromise).map(({ promised }) => promised);
    const isEnded = promises.some((one) => 'ended' in one);
    // A count that differs from run to run may end before the point is reached.
    if (life.code !== 137 || isEnded) {
      assert.ok(isEnded, `the life ended with ${life.code} before its end: ${life.errors}`);
    }
    if (disk !== undefined) {
      const operations = life.lines.filter((line): line is Operation => !isPromise(line));
      await cutPower(life.options.spoolDir, operations, disk);
      promises = synced(promises);
    }
    await finish(life.options, this.#recoverer, this.#sandbox, promises);
    await rm(life.folder, { recursive: true });
  }

  async #live(kind: StreamKind, env: (report: string) => Record<string, string>) {
    await this.#sandbox.reset();
    this.#lives += 1;
    const folder = join(this.#folder, String(this.#lives));
    await mkdir(folder);
    const options: LifeOptions = {
      kind,
      spoolDir: join(folder, 'spool'),
      endpoint: this.#sandbox.url,
      name: `life ${this.#lives}`,
      report: join(folder, 'report'),
    };
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'stream-life.mts'), JSON.stringify(options)],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: 40_000,
        env: {
          ...process.env,
          LD_PRELOAD: join(this.#folder, 'shim.so'),
          CRASH_FOLDER: options.spoolDir,
          ...env(options.report),
        },
      },
    );
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const code = await new Promise((resolve) =>
      child.once('close', (status, signal) => resolve(status ?? signal)),
    );
    const report = existsSync(options.report) ? await readFile(options.report, 'utf8') : '';
    const lines = report
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Operation | { promised: Promised } => JSON.parse(line));
    return { folder, options, code, errors, lines };
  }
}

/** Of the data only what was confirmed before the last sync is promised after a power cut. */
function synced(promises: readonly Promised[]): Promised[] {
  const last = promises.findLastIndex((one) => 'synced' in one);
  return promises.filter((one, i) => i < last || !('pushed' in one));
}
