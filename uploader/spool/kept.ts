import { readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { codeOf, makeFolder } from './files.js';

const FOLDER = 'uploaded';
const DAY = 86_400_000;

const dayOf = (unixMs: number): string => new Date(unixMs).toISOString().slice(0, 10);

interface KeptDay {
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  readonly path: string;
}

/**
 * Delivered chunks that stay for some days: `<stream>/uploaded/YYYY-MM-DD/`, by the day of their delivery. They are a
 * convenience: where room is needed the oldest of them go first.
 */
export class KeptChunks {
  readonly #account: string;
  /** How many days; 0: nothing is kept. */
  readonly days: number;
  /** What they take, in bytes; counted once in the background, then followed. */
  bytes = 0;

  constructor(account: string, days: number) {
    this.#account = account;
    this.days = days;
  }

  /** Moves a delivered chunk's files here. */
  async keep(folder: string, files: readonly string[]): Promise<void> {
    const target = join(folder, FOLDER, dayOf(Date.now()));
    await makeFolder(target);
    for (const file of files) {
      const to = join(target, basename(file));
      try {
        await rename(file, to);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') continue;
        throw error;
      }
      this.bytes += (await stat(to)).size;
    }
  }

  /** True when a stream's folder still holds some. */
  async has(folder: string): Promise<boolean> {
    return (await listed(join(folder, FOLDER))).length > 0;
  }

  /** Deletes what was delivered too long ago, and counts what stays. */
  async prune(now = Date.now()): Promise<void> {
    const oldest = dayOf(now - this.days * DAY);
    let bytes = 0;
    for (const { day, path } of await this.#days()) {
      if (this.days === 0 || day < oldest) await remove(path);
      else bytes += await bytesIn(path);
    }
    this.bytes = bytes;
  }

  /** Deletes the oldest until `bytes` are freed or nothing is left. */
  async makeRoom(bytes: number): Promise<void> {
    const end = this.bytes - bytes;
    for (const { path } of await this.#days()) {
      for (const name of await listed(path)) {
        if (this.bytes <= Math.max(end, 0)) return;
        const file = join(path, name);
        const size = (await stat(file).catch(() => undefined))?.size ?? 0;
        await unlink(file).catch(() => undefined);
        this.bytes -= size;
      }
      await remove(path);
    }
    this.bytes = 0;
  }

  /** Oldest first, over all streams. */
  async #days(): Promise<KeptDay[]> {
    const days: KeptDay[] = [];
    for (const stream of await listed(this.#account)) {
      const path = join(this.#account, stream, FOLDER);
      for (const day of await listed(path)) days.push({ day, path: join(path, day) });
    }
    return days.sort((one, other) => one.day.localeCompare(other.day));
  }
}

async function listed(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

async function bytesIn(path: string): Promise<number> {
  let bytes = 0;
  for (const name of await listed(path))
    bytes += (await stat(join(path, name)).catch(() => undefined))?.size ?? 0;
  return bytes;
}

/** A day's folder, and the one around it when it was the last. */
async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  const around = join(path, '..');
  if ((await listed(around)).length === 0) await rmdir(around).catch(() => undefined);
}
