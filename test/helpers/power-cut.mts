/**
 * The disk after a power cut, from a trace of file operations: what was not synced is gone, or there in part. A file's
 * bytes are safe once it was synced, a name once its folder was.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Operation } from './crash-bench.mts';

/**
 * bare: neither names nor bytes that were not synced; names: all names, but no such bytes (a journalling file system);
 * half: all names, half of such bytes; zeros: all names and lengths, zeros for such bytes.
 */
export const DISKS = ['bare', 'names', 'half', 'zeros'] as const;
export type Disk = (typeof DISKS)[number];

class File {
  bytes = Buffer.alloc(0);
  synced = Buffer.alloc(0);

  write(at: number, bytes: Buffer): void {
    const grown = Buffer.alloc(Math.max(this.bytes.length, at + bytes.length));
    this.bytes.copy(grown);
    bytes.copy(grown, at);
    this.bytes = grown;
  }

  cut(length: number): void {
    const cut = Buffer.alloc(length);
    this.bytes.copy(cut);
    this.bytes = cut;
  }

  after(disk: Disk): Buffer {
    const { bytes, synced } = this;
    if (disk === 'bare' || disk === 'names' || bytes.length <= synced.length) return synced;
    if (disk === 'half') return bytes.subarray(0, (bytes.length + synced.length) >> 1);
    return Buffer.concat([synced, Buffer.alloc(bytes.length - synced.length)]);
  }
}

class Folder {
  names = new Map<string, File | Folder>();
  synced = new Map<string, File | Folder>();
}

/** Puts the disk as it is after these operations and a power cut in the place of `root`. */
export async function cutPower(root: string, operations: readonly Operation[], disk: Disk): Promise<void> {
  const top = new Folder();
  top.synced.set(basename(root), new Folder());
  const world = new World(dirname(root), top);
  for (const operation of operations) if (operation.failed === 0) world.perform(operation);
  await rm(root, { recursive: true, force: true });
  // The folder around the spool is not the program's.
  const spool = top.names.get(basename(root));
  if (spool instanceof Folder) await store(spool, root, disk);
}

class World {
  readonly #path: string;
  readonly #top: Folder;

  constructor(path: string, top: Folder) {
    this.#path = path;
    this.#top = top;
  }

  perform({ op, path, to, at, hex }: Operation): void {
    const folder = this.#folder(dirname(path));
    const name = basename(path);
    const found = folder?.names.get(name);
    // A file that was deleted while it was open.
    if (folder === undefined || (found === undefined && !['create', 'truncate', 'mkdir'].includes(op)))
      return;
    if (op === 'mkdir') folder.names.set(name, new Folder());
    else if (op === 'create' || op === 'truncate') {
      const file = found instanceof File ? found : new File();
      if (op === 'truncate') file.cut(0);
      folder.names.set(name, file);
    } else if (op === 'rename') {
      folder.names.delete(name);
      this.#folder(dirname(to))?.names.set(basename(to), found as File | Folder);
    } else if (op === 'unlink' || op === 'rmdir') folder.names.delete(name);
    else if (found instanceof Folder) found.synced = new Map(found.names);
    else if (found !== undefined) {
      if (op === 'write') found.write(at, Buffer.from(hex, 'hex'));
      if (op === 'cut') found.cut(at);
      if (op === 'sync') found.synced = found.bytes;
    }
  }

  #folder(path: string): Folder | undefined {
    if (path === this.#path) return this.#top;
    const found = this.#folder(dirname(path))?.names.get(basename(path));
    return found instanceof Folder ? found : undefined;
  }
}

async function store(folder: Folder, path: string, disk: Disk): Promise<void> {
  await mkdir(path);
  for (const [name, found] of disk === 'bare' ? folder.synced : folder.names) {
    if (found instanceof Folder) await store(found, join(path, name), disk);
    else await writeFile(join(path, name), found.after(disk));
  }
}
