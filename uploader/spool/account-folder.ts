import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { SpoolError } from '../errors.js';
import { type FolderLock, native, nativeError } from '../native.js';
import type { StreamKind } from '../types.js';
import { codeOf, FILE_MODE, makeFolder, spoolError, syncFolder } from './files.js';
import type { KeptChunks } from './kept.js';
import { Quarantine } from './quarantine.js';
import { RecordFile, SPOOL_VERSION, type StreamRecord } from './stream-record.js';

/** Names that become folders are made of these alone. */
const SAFE_NAME = /^[\w-]{1,100}$/;
const CHUNK_FILE = /^\d{6,}\.(part|open|shard|rows)$/;
const OWNER_FILE = 'owner.json';

const LockOwner = v.object({ pid: v.number(), host: v.string(), since: v.string() });
export type LockOwner = v.InferOutput<typeof LockOwner>;

/**
 * `<spoolDir>/<account id>/`: a folder a stream, owned by one process at a time. The lock is the operating
 * system's and ends with the process; `owner.json` beside it only says who holds it.
 */
export class AccountFolder {
  readonly path: string;
  readonly #account: string;
  readonly #lock: FolderLock;
  /** Which lock file it is: a folder of the same name may be another one. */
  readonly #identity: string;

  private constructor(path: string, account: string, lock: FolderLock, identity: string) {
    this.path = path;
    this.#account = account;
    this.#lock = lock;
    this.#identity = identity;
  }

  /** @throws SpoolError ERR_SPOOL when another process holds it or it cannot be written */
  static async open(spoolDir: string, account: string): Promise<AccountFolder> {
    const path = join(spoolDir, folderName(account));
    try {
      await makeFolder(path);
    } catch (error) {
      throw spoolError(error, path, 'creating the spool folder');
    }
    let lock: FolderLock;
    try {
      lock = native().FolderLock.acquire(join(path, 'lock'));
    } catch (error) {
      const coded = nativeError(error, path);
      if (!(coded instanceof SpoolError) || !coded.message.startsWith('locked')) throw coded;
      throw new SpoolError('ERR_SPOOL', path, await lockedText(path), { cause: error });
    }
    const owner: LockOwner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    await writeFile(join(path, OWNER_FILE), JSON.stringify(owner), { mode: FILE_MODE }).catch(
      () => undefined,
    );
    return new AccountFolder(path, account, lock, await identityOf(path));
  }

  /** What is the matter when the folder is no longer there, or another one is in its place. */
  async gone(): Promise<SpoolError | undefined> {
    const identity = await identityOf(this.path);
    if (identity === this.#identity) return undefined;
    const found = /^E[A-Z]+$/.test(identity) ? identity : 'another folder';
    return new SpoolError(
      'ERR_SPOOL',
      this.path,
      `gone: expected the spool folder ${this.path}, found ${found}; was it deleted, renamed, or its disk unmounted? ` +
        'Nothing is stored until it is back; to begin an empty one, deploy again',
    );
  }

  /** The streams found, and what could not be read. */
  async streams(): Promise<{ records: RecordFile[]; problems: SpoolError[] }> {
    const records: RecordFile[] = [];
    const problems: SpoolError[] = [];
    for (const entry of await readdir(this.path, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const folder = join(this.path, entry.name);
      try {
        const record = await RecordFile.read(folder);
        if (record === undefined) await removeIfEmpty(folder);
        else records.push(record);
      } catch (error) {
        problems.push(error as SpoolError);
      }
    }
    return { records: records.sort((one, other) => one.data.created - other.data.created), problems };
  }

  /** Streams that have ended and left something: chunks in quarantine, or kept ones. */
  async finished(): Promise<RecordFile[]> {
    const names = await readdir(this.path);
    const found = names.map((name) => RecordFile.read(join(this.path, name)).catch(() => undefined));
    return (await Promise.all(found)).filter((record) => record?.data.finalize === 'done') as RecordFile[];
  }

  /** Removes the folders of streams that have ended and left nothing: what is in quarantine, or kept, is the person's. */
  async removeBare(kept: KeptChunks): Promise<void> {
    for (const { folder } of await this.finished()) {
      const isBare = (await Quarantine.load(folder)).size === 0 && !(await kept.has(folder));
      if (isBare) await rm(folder, { recursive: true, force: true });
    }
  }

  /** A new stream's folder with its record on disk. */
  async create(
    facts: Pick<StreamRecord, 'endpoint' | 'owner' | 'settings' | 'editor' | 'begun'> & {
      kind: StreamKind;
      name: string | null;
      topic?: string;
    },
  ): Promise<RecordFile> {
    const { name, ...given } = facts;
    const now = Date.now();
    const folder = join(this.path, `${given.kind}-${now.toString(36)}-${randomUUID().slice(0, 8)}`);
    const record = new RecordFile(folder, {
      version: SPOOL_VERSION,
      account: this.#account,
      ...given,
      created: now,
      generations: [{ data_id: null, name, base: 0, opening: 'wanted', links: [] }],
      next_number: 0,
      height: 0,
      width: 0,
      finalize: 'no',
      removed_at: null,
      last_data: now,
      last_upload: null,
      trouble: null,
      counts: { uploaded: 0, dropped: 0, items: 0, bytes: 0 },
      lost: [],
      acknowledged: [],
    });
    try {
      await makeFolder(folder);
      await record.update(() => undefined);
      await syncFolder(this.path);
    } catch (error) {
      // Each message tries to open the stream: the disk would fill with what is left of the tries.
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
      throw spoolError(error, folder, 'creating the stream folder');
    }
    return record;
  }

  release(): void {
    try {
      rmSync(join(this.path, OWNER_FILE), { force: true });
    } catch {
      // It only says who held the folder; the lock is what counts.
    }
    this.#lock.release();
  }
}

async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(join(path, 'lock'), { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    return codeOf(error) ?? (error as Error).message;
  }
}

function folderName(account: string): string {
  if (SAFE_NAME.test(account)) return account;
  return Buffer.from(account).toString('base64url').slice(0, 100);
}

async function removeIfEmpty(folder: string): Promise<void> {
  const names = await readdir(folder);
  // A crash between making the folder and writing its record: nothing was promised for it yet.
  if (names.every((name) => name.endsWith('.tmp'))) await rm(folder, { recursive: true, force: true });
  if (!names.some((name) => CHUNK_FILE.test(name))) return;
  throw new SpoolError(
    'ERR_SPOOL',
    folder,
    `${folder}: expected stream.json beside the chunks, found none; left alone, "spool verify" and "spool export" read them`,
  );
}

/** Who holds an account's folder, or held it when its process was killed; undefined when nobody says so. */
export async function lockOwner(path: string): Promise<LockOwner | undefined> {
  try {
    const parsed = v.safeParse(LockOwner, JSON.parse(await readFile(join(path, OWNER_FILE), 'utf8')));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

async function lockedText(path: string): Promise<string> {
  const owner = await lockOwner(path);
  return (
    `locked: the spool ${path} is in use by another process` +
    (owner === undefined ? '' : ` (pid ${owner.pid} on ${owner.host}, since ${owner.since})`) +
    '; stop the other Node-RED, or give this account another spool folder'
  );
}
