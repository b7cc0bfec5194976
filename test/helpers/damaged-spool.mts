/** A small spool of the real program, and what becomes of it when its files are damaged, one byte at a time. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import checkedJson from '../../dist/uploader/spool/checked-json.js';
import type { StreamKind } from '../../dist/uploader/types.js';
import uploaderModule, { type AnyStream, type Uploader } from '../../dist/uploader/uploader.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { arrivedIn, frames, OWNERS, readings, SETTINGS } from './stream-lives.mts';
import { Ears, freePort, range, until } from './uploader.mts';

/** Damaged streams in one spool: each is alone with its damage, the start is shared. */
const BATCH = 24;

/** One byte of one file, and what is done there. */
export interface Damage {
  /** `rheed-long/000000.shard`, below the account's folder. */
  readonly file: string;
  readonly at: number;
  /** The file ends there; all bits of the byte change; one does. */
  readonly how: 'cut' | 'flip' | 'bit';
}

export const replay = ({ file, at, how }: Damage): string =>
  `replay: DAMAGE=${file}:${at}:${how} npm test -- damaged-bytes`;

/** The damage that a failed run named. */
export function namedDamage(): Damage | undefined {
  const [file = '', at, how] = process.env.DAMAGE?.split(':') ?? [];
  return how === undefined ? undefined : { file, at: Number(at), how: how as Damage['how'] };
}

export class DamagedSpool {
  readonly #folder: string;
  readonly #sandbox: Sandbox;
  #batches = 0;

  private constructor(folder: string, sandbox: Sandbox) {
    this.#folder = folder;
    this.#sandbox = sandbox;
  }

  /**
   * Made while the service is down; of each kind `long`: chunk 0 sealed, 1 in quarantine, 2 open; and `short`: a chunk
   * sealed, to be finalized.
   */
  static async make(): Promise<DamagedSpool> {
    const folder = await mkdtemp(join(tmpdir(), 'damaged-spool-'));
    const port = await freePort();
    const start = () => acquire(join(folder, 'whole'), `http://127.0.0.1:${port}`);
    const first = await start();
    for (const kind of ['rheed', 'timeseries'] as const) {
      for (const [name, count] of [
        ['long', 10],
        ['short', 2],
      ] as const) {
        const stream = await opened(first, kind, name);
        await pushAll(stream, 0, count);
        await stream.sync();
        if (name === 'short') await stream.finalize();
        else await until(() => stream.shipping.size === 2, 'two sealed chunks');
      }
    }
    const long = first.streams.filter(({ owner }) => owner.stream === 'long').map((stream) => stream.folder);
    await first.release();
    for (const path of long) await truncate(join(path, '000001.json'), 10);
    const second = await start();
    for (const stream of second.streams.filter(({ owner }) => owner.stream === 'long')) {
      assert.equal(stream.quarantine.size, 1);
      await pushAll(stream, 10, 13);
    }
    const names = second.streams.map(({ folder: path, kind, owner }) => [path, `${kind}-${owner.stream}`]);
    await second.release();
    for (const [path, name] of names as [string, string][]) await rename(path, join(dirname(path), name));
    return new DamagedSpool(folder, await startSandbox({ port }));
  }

  async end(): Promise<void> {
    await this.#sandbox.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #whole(): string {
    return join(this.#folder, 'whole', 'account');
  }

  /** Every damage there is to a stream. */
  async every(): Promise<Damage[]> {
    const entries = await readdir(this.#whole, { recursive: true, withFileTypes: true });
    const damages: Damage[] = [];
    for (const entry of entries.filter((one) => one.isFile() && one.parentPath !== this.#whole)) {
      const path = join(entry.parentPath, entry.name);
      const { length } = await readFile(path);
      for (let at = 0; at < length; at += 1)
        for (const how of ['cut', 'flip', 'bit'] as const)
          damages.push({ file: path.slice(this.#whole.length + 1), at, how });
    }
    return damages;
  }

  /** What does not hold, in words, of all these damages. */
  async failures(damages: readonly Damage[]): Promise<string[]> {
    const failures: string[] = [];
    for (let from = 0; from < damages.length; from += BATCH)
      failures.push(...(await this.#failuresOf(damages.slice(from, from + BATCH))));
    return failures;
  }

  /** Files of the account are notes: whatever they say, all streams are found. */
  async failuresOfAccount(): Promise<string[]> {
    const failures: string[] = [];
    const notes = {
      'owner.json': Buffer.from(JSON.stringify({ pid: 1, host: 'lab', since: '2026-01-01T00:00:00Z' })),
      'account.json': Buffer.from(checkedJson.encodeChecked({ version: 1, paused_since: 1 })),
      lock: Buffer.from('?'),
    };
    for (const [file, bytes] of Object.entries(notes)) {
      for (let at = 0; at < bytes.length; at += 5) {
        for (const how of ['cut', 'flip', 'bit'] as const) {
          this.#batches += 1;
          const spoolDir = join(this.#folder, String(this.#batches));
          await cp(join(this.#folder, 'whole'), spoolDir, { recursive: true });
          await writeFile(join(spoolDir, 'account', file), damaged(bytes, { file, at, how }));
          const uploader = await acquire(spoolDir, this.#sandbox.url);
          const found = uploader.streams.length;
          await uploader.release();
          await rm(spoolDir, { recursive: true, force: true });
          if (found !== 4) failures.push(`${file}:${at}:${how}: expected 4 streams, found ${found}`);
        }
      }
    }
    return failures;
  }

  async #failuresOf(damages: readonly Damage[]): Promise<string[]> {
    this.#batches += 1;
    const spoolDir = join(this.#folder, String(this.#batches));
    const account = join(spoolDir, 'account');
    await mkdir(account, { recursive: true });
    const places = new Map<string, Damage>();
    for (const [i, damage] of damages.entries()) {
      const { file } = damage;
      const [stream = '', ...rest] = file.split('/');
      const name = `${stream}-${i}`;
      places.set(name, damage);
      await cp(join(this.#whole, stream), join(account, name), { recursive: true });
      await inflict(join(account, name, ...rest), damage);
    }
    const failures: string[] = [];
    const uploader = await acquire(spoolDir, this.#sandbox.url);
    const ears = new Map(uploader.streams.map((stream) => [basename(stream.folder), new Ears(stream)]));
    try {
      await Promise.all(uploader.streams.map((stream) => stream.finalize()));
      for (const [name, damage] of places) {
        await this.#judge(join(account, name), damage, ears.get(name)).catch((error: Error) =>
          failures.push(`${replay(damage)}\n  ${error.message}`),
        );
      }
    } finally {
      await uploader.release();
      await rm(spoolDir, { recursive: true, force: true });
    }
    return failures;
  }

  /** Compares what arrived with what the damage may have cost. */
  async #judge(folder: string, damage: Damage, ears: Ears | undefined): Promise<void> {
    assert.ok(ears, 'the stream was not found');
    const { data_id, report } = await until(
      () => ears.streams.find(({ event }) => event === 'finalized'),
      'finalized',
    );
    const [stream = '', name = '', inner] = damage.file.split('/');
    const kind = stream.split('-')[0] as StreamKind;
    const isLong = stream.endsWith('long');
    const expected = isLong ? [...range(0, 5), ...range(10, 13)] : range(0, 2);
    const there = await arrivedIn(this.#sandbox, kind, data_id as string);
    const missing = expected.filter((number) => !there.includes(number));
    const problems = ears.problems.map(({ message }) => message);
    const story = `arrived ${there}; told ${problems.join(' | ') || 'nothing'}; ${JSON.stringify(report)}`;
    assert.deepEqual(
      there,
      expected.filter((number) => there.includes(number)),
      `wrong, twice or out of order: ${story}`,
    );
    const isChunk = inner === undefined && /^0/.test(name);
    const chunk = isChunk ? Number(name.slice(0, 6)) : -1;
    const stray = missing.filter((number) => Math.floor(number / 5) !== chunk);
    assert.deepEqual(stray, [], `undamaged data is missing: ${story}`);
    assert.ok(problems.length <= 1, `told ${problems.length} times: ${story}`);
    if (missing.length === 0) return;
    assert.equal(problems.length, 1, `nobody was told: ${story}`);
    assert.equal(report?.chunks_quarantined, isLong ? 2 : 1, `not counted: ${story}`);
    const bytes = await readFile(join(this.#whole, damage.file));
    const kept = await readFile(join(folder, 'quarantine', name)).catch(() => undefined);
    assert.ok(kept?.equals(damaged(bytes, damage)), `what was damaged is not in quarantine: ${story}`);
  }
}

function damaged(bytes: Buffer, { at, how }: Damage): Buffer {
  if (how === 'cut') return bytes.subarray(0, at);
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(at) ^ (how === 'flip' ? 0xff : 1 << (at % 8)), at);
  return changed;
}

async function inflict(path: string, damage: Damage): Promise<void> {
  await writeFile(path, damaged(await readFile(path), damage));
}

function acquire(spoolDir: string, endpoint: string): Promise<Uploader> {
  return uploaderModule.Uploader.acquire({
    id: 'account',
    apiKey: 'key',
    spoolDir,
    endpoint,
    uploads: 8,
    spoolMinFreeBytes: 0,
    clockSync: false,
    logger: { error() {}, warn() {}, info() {}, debug() {} },
  });
}

function opened(uploader: Uploader, kind: StreamKind, name: string): Promise<AnyStream> {
  const owner = { ...OWNERS[kind], stream: name };
  const settings = { ...SETTINGS[kind], streamName: name };
  return kind === 'rheed'
    ? uploader.startRheed(owner, settings, {})
    : uploader.startTimeseries(owner, settings, {});
}

async function pushAll(stream: AnyStream, from: number, to: number): Promise<void> {
  for (const number of range(from, to)) {
    if (stream.kind === 'rheed') await stream.push(frames([number]));
    else await stream.push(readings([number]));
  }
}
