import { copyFile, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import { decodeChecked, encodeChecked } from './checked-json.js';
import { itemsOf, readSidecar } from './entry.js';
import { codeOf, makeFolder, numbered, syncFolder, withFile, writeDurably } from './files.js';

const FOLDER = 'quarantine';
const FILE = /^(\d{6,})\.([a-z.]+)$/;
const REASON = 'reason.json';

/** Why a chunk is here: `NNNNNN.reason.json`. */
const Reason = v.object({
  reason: v.string(),
  code: v.optional(v.string()),
  /** Unix ms. */
  at: v.number(),
  chunk_index: v.number(),
  data_id: v.optional(v.nullable(v.string())),
  /** What the service answered. */
  status: v.optional(v.number()),
  answer: v.optional(v.unknown()),
});
export type Reason = v.InferOutput<typeof Reason>;

export interface QuarantinedChunk extends Reason {
  /** Number of its files. */
  readonly number: number;
  /** Names in the folder `quarantine`. */
  readonly files: readonly string[];
  readonly bytes: number;
  /** Frames or points, 0 when its sidecar cannot be read. */
  readonly items: number;
}

/**
 * The chunks of a stream that could be neither delivered nor read, kept for a person to look at. The folder is what
 * counts; nothing in it is deleted but by `discard`.
 */
export class Quarantine {
  readonly #folder: string;
  readonly #chunks = new Map<number, QuarantinedChunk>();

  /** An empty one, for a new stream. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  static async load(folder: string): Promise<Quarantine> {
    const found = new Quarantine(folder);
    const numbers = new Map<number, string[]>();
    for (const name of (await filesIn(found.path)).sort()) {
      const [, digits, ending] = FILE.exec(name) ?? [];
      if (digits === undefined || ending?.endsWith('tmp')) continue;
      numbers.set(Number(digits), [...(numbers.get(Number(digits)) ?? []), name]);
    }
    for (const [number, files] of numbers) await found.#note(number, files);
    return found;
  }

  get path(): string {
    return join(this.#folder, FOLDER);
  }

  get size(): number {
    return this.#chunks.size;
  }

  /** Frames, or points, in it. */
  get items(): number {
    let items = 0;
    for (const chunk of this.#chunks.values()) items += chunk.items;
    return items;
  }

  get chunks(): QuarantinedChunk[] {
    return [...this.#chunks.values()].sort((one, other) => one.number - other.number);
  }

  /** Moves a chunk's files here, or copies them, the reason first. */
  async add(
    number: number,
    files: readonly string[],
    reason: Reason,
    transfer: (from: string, to: string) => Promise<boolean> = moveIfThere,
  ): Promise<void> {
    await makeFolder(this.path);
    await writeDurably(numbered(this.path, number, REASON), encodeChecked(reason));
    const names: string[] = [];
    for (const file of files) {
      if (await transfer(file, join(this.path, basename(file)))) names.push(basename(file));
    }
    await syncFolder(this.path);
    await syncFolder(this.#folder);
    await this.#note(number, names);
  }

  /** Moves a chunk's files back beside the stream's others, where recovery finds them. */
  async takeBack(number: number): Promise<void> {
    const chunk = this.#chunks.get(number);
    if (chunk === undefined) return;
    for (const name of chunk.files) await moveIfThere(join(this.path, name), join(this.#folder, name));
    await syncFolder(this.#folder);
    await this.discard(number);
  }

  /** Deletes a chunk. */
  async discard(number: number): Promise<void> {
    const chunk = this.#chunks.get(number);
    for (const name of chunk?.files ?? []) await rm(join(this.path, name), { force: true });
    // The reason goes last: until then the chunk is known to have been here.
    await unlink(numbered(this.path, number, REASON)).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
    await syncFolder(this.path);
    this.#chunks.delete(number);
  }

  async #note(number: number, names: readonly string[]): Promise<void> {
    const files = [...names].sort().filter((name) => !name.endsWith(`.${REASON}`));
    const sizes = files.map((name) => stat(join(this.path, name)).then(({ size }) => size));
    const sidecar = await readSidecar(this.path, number);
    const reason = await readReason(numbered(this.path, number, REASON));
    this.#chunks.set(number, {
      ...(reason ?? {
        reason: 'the reason cannot be read',
        at: 0,
        chunk_index: sidecar?.chunk_index ?? number,
      }),
      number,
      files,
      bytes: (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0),
      items: sidecar === undefined ? 0 : itemsOf(sidecar),
    });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** The copy is on the disk platter; its name is not yet. */
export async function copyIfThere(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  await withFile(to, 'r+', (handle) => handle.sync());
  return true;
}

async function readReason(path: string): Promise<Reason | undefined> {
  try {
    const parsed = v.safeParse(Reason, decodeChecked(await readFile(path, 'utf8')));
    return parsed.success ? parsed.output : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
