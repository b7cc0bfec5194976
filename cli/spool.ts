import { type Dirent, existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { homedir, hostname, uptime } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { SpoolError } from '../uploader/errors.js';
import { type LockOwner, lockOwner } from '../uploader/spool/account-folder.js';
import { NewerSpoolError, RecordFile, type StreamRecord } from '../uploader/spool/stream-record.js';
import type { StreamKind } from '../uploader/types.js';
import { UsageError } from './usage.js';

/** As the uploader names them: kind, time, random. */
const STREAM_FOLDER = /^(rheed|timeseries)-[0-9a-z]+-[0-9a-f]{8}$/;

export interface StreamFolder {
  readonly path: string;
  /** Of the folder. */
  readonly name: string;
  readonly kind: StreamKind;
  /** Undefined with `problem`: it is damaged, or of a newer version. */
  readonly record: StreamRecord | undefined;
  readonly problem: SpoolError | undefined;
  /** It is damaged, `record` is the one before it. */
  readonly damage: SpoolError | undefined;
  /** Written by a newer version: what its files mean is not known. */
  readonly isNewer: boolean;
}

export interface Account {
  /** The name of its folder. */
  readonly id: string;
  readonly path: string;
  readonly owner: LockOwner | undefined;
  /** `perhaps`: by a process of another computer. */
  readonly inUse: 'yes' | 'no' | 'perhaps';
  readonly streams: readonly StreamFolder[];
}

/**
 * The accounts and streams that a folder argument names: a spool, an account's folder in it, or a stream's.
 *
 * @param argument undefined: where Node-RED keeps it
 * @throws UsageError when there is no spool
 */
export async function openSpool(argument: string | undefined): Promise<Account[]> {
  const path = await find(argument);
  if (isStreamFolder(path)) return [await readAccount(dirname(path), [basename(path)])];
  if (await isAccountFolder(path)) return [await readAccount(path)];
  const accounts: Account[] = [];
  for (const name of await folders(path)) {
    if (await isAccountFolder(join(path, name))) accounts.push(await readAccount(join(path, name)));
  }
  return accounts;
}

async function find(argument: string | undefined): Promise<string> {
  const candidates = argument === undefined ? defaults() : [resolve(argument)];
  for (const path of candidates) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) {
      if (await holdsSpool(path)) return path;
      throw new UsageError(
        `${path}: expected a spool, an account's folder in it, or a stream's folder; found neither accounts ` +
          'nor streams in it. Name the folder "atomscale-spool" in the user folder of Node-RED, or the one that ' +
          'the account is set to',
      );
    }
  }
  throw new UsageError(
    `no spool found, looked for ${candidates.join(', ')}. Name the folder, for instance ` +
      '"spool list /home/lab/.node-red/atomscale-spool"',
  );
}

const defaults = (): string[] => [
  join(homedir(), '.node-red', 'atomscale-spool'),
  resolve('atomscale-spool'),
  join(homedir(), '.atomscale', 'spool'),
];

async function holdsSpool(path: string): Promise<boolean> {
  if (isStreamFolder(path) || (await isAccountFolder(path))) return true;
  const names = await folders(path);
  // A spool that nothing was spooled to yet is one, too.
  if (names.length === 0) return (await readdir(path)).length === 0;
  for (const name of names) if (await isAccountFolder(join(path, name))) return true;
  return false;
}

const isStreamFolder = (path: string): boolean =>
  STREAM_FOLDER.test(basename(path)) || existsSync(join(path, 'stream.json'));

async function isAccountFolder(path: string): Promise<boolean> {
  if (existsSync(join(path, 'lock'))) return true;
  return (await folders(path)).some((name) => STREAM_FOLDER.test(name));
}

async function folders(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry: Dirent) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

async function readAccount(path: string, names?: readonly string[]): Promise<Account> {
  const wanted = names ?? (await folders(path)).filter((name) => isStreamFolder(join(path, name)));
  const streams: StreamFolder[] = [];
  for (const name of wanted) {
    const stream = await readStream(join(path, name));
    if (stream !== undefined) streams.push(stream);
  }
  const created = ({ record }: StreamFolder): number => record?.created ?? 0;
  streams.sort((one, other) => created(one) - created(other));
  const owner = await lockOwner(path);
  return { id: basename(path), path, owner, inUse: isInUse(owner), streams };
}

/** Undefined when the stream has ended and gone meanwhile. */
export async function readStream(path: string): Promise<StreamFolder | undefined> {
  const name = basename(path);
  const kind = name.startsWith('timeseries') ? 'timeseries' : 'rheed';
  try {
    const file = await RecordFile.read(path);
    const record = file?.data;
    if (record === undefined && !(await holdsChunks(path))) return undefined;
    const known = { kind: record?.kind ?? kind, record, damage: file?.damage };
    return { path, name, ...known, problem: undefined, isNewer: false };
  } catch (error) {
    const isNewer = error instanceof NewerSpoolError;
    const problem = error as SpoolError;
    return { path, name, kind, record: undefined, problem, damage: undefined, isNewer };
  }
}

/** A folder whose record is gone, but not its data. */
async function holdsChunks(path: string): Promise<boolean> {
  const names = await readdir(path).catch(() => []);
  return names.some((name) => /^\d{6,}\./.test(name) || name === 'quarantine' || name === 'uploaded');
}

/**
 * Whether the process that says it owns the folder is alive. The lock itself is not tried: a Node-RED that starts in
 * that moment would find it taken.
 */
function isInUse(owner: LockOwner | undefined): Account['inUse'] {
  if (owner === undefined) return 'no';
  if (owner.host !== hostname()) return 'perhaps';
  const booted = Date.now() - uptime() * 1000;
  // A process of before the last start of this computer is gone, though another may have its number now.
  if (Date.parse(owner.since) < booted - 60_000) return 'no';
  try {
    process.kill(owner.pid, 0);
    return 'yes';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'yes' : 'no';
  }
}
