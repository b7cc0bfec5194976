/** Stream lives that end, or whose disk fails, at a chosen file operation; and what a restart makes of the rest. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamKind } from '../../dist/uploader/types.js';
import uploaderModule, { type Uploader } from '../../dist/uploader/uploader.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { quarantined } from './quarantined.mts';
import { arrived, type LifeOptions, OWNERS, type Promised } from './stream-lives.mts';

/** How it ends: the process, or the operation; `window` operations fail one after the other. */
export const HOWS = ['before', 'half', 'after', 'EIO', 'ENOSPC'] as const;

export interface CrashPoint {
  readonly kind: StreamKind;
  readonly how: (typeof HOWS)[number];
  readonly at: number;
  readonly until: number;
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
  async check({ kind, how, at, until }: CrashPoint): Promise<void> {
    const life = await this.#live(kind, () => ({
      CRASH_HOW: how,
      CRASH_AT: String(at),
      CRASH_UNTIL: String(until),
    }));
    const promises = life.lines.filter(isPromise).map(({ promised }) => promised);
    const isEnded = promises.some((one) => 'ended' in one);
    // A count that differs from run to run may end before the point is reached.
    if (life.code !== 137 || isEnded) {
      assert.ok(isEnded, `the life ended with ${life.code} before its end: ${life.errors}`);
    }
    await finish(life.options, this.#sandbox, promises);
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

/** Numbers of the chunk that the service refuses in every life. */
const REFUSED = { rheed: [8, 9, 10, 11, 12], timeseries: [10, 11, 12, 13, 14] };

/** Recovers what a life left, ends its streams, and compares what arrived with what was promised. */
export async function finish(
  { kind, spoolDir, name }: Pick<LifeOptions, 'kind' | 'spoolDir' | 'name'>,
  sandbox: Sandbox,
  promises: readonly Promised[],
): Promise<void> {
  sandbox.faults.clear();
  const inDoubt = await beingCreated(spoolDir);
  const errors: string[] = [];
  for (let start = 1; ; start += 1) {
    const uploader = await uploaderModule.Uploader.acquire({
      id: 'account',
      apiKey: 'key',
      spoolDir,
      endpoint: sandbox.url,
      spoolMinFreeBytes: 0,
      clockSync: false,
      logger: { error: (text) => errors.push(text), warn() {}, info() {}, debug() {} },
    });
    const open = uploader.attach(OWNERS[kind].node, kind, {}).filter((stream) => stream.open);
    const ended = promises.filter((one) => 'finalize' in one).length;
    if (start === 1) assert.ok(open.length <= 2 - ended, `${open.length} open after ${ended} were finalized`);
    for (const stream of open) await stream.finalize();
    // A chunk sent early without an answer goes a second time a minute later, or at once after a restart.
    const isGone = await gone(uploader, start < 4 ? 1_500 : 30_000);
    await uploader.release();
    if (isGone) break;
    assert.ok(start < 4, `a stream does not end: ${errors.join('\n')}`);
  }
  const streams = await arrived(sandbox, kind, name);
  const there = streams.flatMap(({ numbers }) => numbers);
  const kept = await quarantined(join(spoolDir, 'account'));
  const confirmed = promises.flatMap((one) => ('pushed' in one ? one.pushed : []));
  const story = `arrived ${there}; in quarantine ${kept}; confirmed ${confirmed}; errors ${errors.join('\n')}`;
  const isInOrder = there.every((number, i) => i === 0 || number > (there[i - 1] as number));
  assert.ok(isInOrder, `not in order, or not once: ${story}`);
  for (const number of confirmed) {
    const isSafe = there.includes(number) || (REFUSED[kind].includes(number) && kept.includes(number));
    assert.ok(isSafe, `${number} is lost: ${story}`);
  }
  const wanted = promises.some((one) => 'finalize' in one && one.finalize === 1) ? 2 : 1;
  assert.ok(
    streams.length <= wanted + inDoubt,
    `${streams.length} streams on the service, expected ${wanted} and ${inDoubt} in doubt: ${story}`,
  );
  const left = streams.filter(({ status }) => status === 'stream_active');
  assert.ok(left.length <= inDoubt, `${left.length} were never ended: ${story}`);
  assert.deepEqual(sandbox.complaints, []);
}

async function gone(uploader: Uploader, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (uploader.streams.length > 0) {
    if (performance.now() > end) return false;
    await sleep(10);
  }
  return true;
}

/** Streams of which nobody can know whether the service has created them. */
async function beingCreated(spoolDir: string): Promise<number> {
  let count = 0;
  const account = join(spoolDir, 'account');
  for (const name of await readdir(account).catch(() => [])) {
    const record = await readFile(join(account, name, 'stream.json'), 'utf8').catch(() => '');
    if (record.includes('"opening":"creating"')) count += 1;
  }
  return count;
}
