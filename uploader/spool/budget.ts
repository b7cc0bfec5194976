import { statfs } from 'node:fs/promises';
import { SpoolError } from '../errors.js';
import type { KeptChunks } from './kept.js';

export interface BudgetOptions {
  /** Bytes the account's spool may take. */
  readonly maxBytes: number;
  /** Bytes that must stay free on the disk. */
  readonly minFreeBytes: number;
  /** What gives way when the spool is full. */
  readonly whenFull: 'refuse' | 'drop-oldest';
}

/** Whoever holds sealed chunks that can be given up. */
export interface Droppable {
  /** When the oldest chunk that is not under way was sealed; undefined when there is none. */
  oldest(): number | undefined;
  /** Gives it up, counted and told. */
  dropOldest(): Promise<void>;
  /** Bytes of each chunk that is under way: they make room by themselves. */
  underWay(): Iterable<number>;
}

/** How much of the disk an account may take. */
export class Budget {
  readonly #folder: string;
  readonly #options: BudgetOptions;
  readonly #holders: () => Iterable<Droppable>;
  readonly #kept: KeptChunks;
  #sealed = 0;
  #open = 0;
  /** What the disk had when it was looked at, less what was deleted before. */
  #seen = Number.POSITIVE_INFINITY;
  /** Deleted since the start. */
  #freed = 0;
  /** Of chunks that are being deleted. */
  #freeing = 0;
  /** Bytes of the disk's blocks. */
  #block = 4096;
  #dropping: Promise<unknown> | undefined;
  /** The folder is gone. */
  #gone: SpoolError | undefined;

  constructor(folder: string, options: BudgetOptions, kept: KeptChunks, holders: () => Iterable<Droppable>) {
    this.#folder = folder;
    this.#options = options;
    this.#kept = kept;
    this.#holders = holders;
  }

  /** Bytes of chunks that wait in the spool; those kept after their delivery are not among them. */
  get bytes(): number {
    return this.#sealed + this.#open;
  }

  /** Sealed bytes that came (positive) or went (negative). */
  change(bytes: number): void {
    this.#sealed += bytes;
  }

  /** Chunks of so many bytes are being deleted: what they take of the disk counts as free from now. */
  async frees(bytes: number, deletion: Promise<void>): Promise<void> {
    const room = this.#occupied(bytes);
    this.#freeing += room;
    try {
      await deletion;
    } finally {
      this.#freeing -= room;
      this.#freed += room;
    }
  }

  /** Refuses all data while the spool folder is not there; undefined: it is there again. */
  refuse(gone: SpoolError | undefined): void {
    this.#gone = gone;
  }

  /** Looks at the disk, once a second: a look per frame would be a system call per frame. */
  async refresh(openBytes: number): Promise<void> {
    this.#open = openBytes;
    const freed = this.#freed;
    const disk = await statfs(this.#folder);
    this.#seen = disk.bavail * disk.bsize - freed;
    this.#block = disk.bsize;
    await this.#shedKept();
    if (this.#options.whenFull === 'drop-oldest' && this.#excess() > 0) {
      await this.#drop(() => this.#makeRoom());
    }
  }

  /**
   * Admits data.
   *
   * @throws SpoolError ERR_SPOOL_FULL when the spool is full and the newest is to be refused, ERR_SPOOL when its
   * folder is gone
   */
  admit(): void {
    if (this.#gone !== undefined) throw this.#gone;
    if (this.#excess() <= 0) return;
    if (this.#options.whenFull === 'drop-oldest') {
      this.#drop(() => this.#makeRoom()).catch(() => undefined);
      if (this.#free > 0) return;
    }
    const { maxBytes, minFreeBytes } = this.#options;
    throw new SpoolError(
      'ERR_SPOOL_FULL',
      this.#folder,
      `the spool is full: it holds ${this.bytes} of at most ${maxBytes} bytes and the disk has ${this.#free} bytes free ` +
        `(at least ${minFreeBytes} are to stay free); free disk space, restore the connection, or raise the limits`,
    );
  }

  /** The disk refused a write although there seemed to be room: with drop-oldest the oldest chunk makes some. */
  ranOut(): void {
    if (this.#options.whenFull !== 'drop-oldest') return;
    this.#drop(() => this.#dropOne()).catch(() => undefined);
  }

  /** Bytes of the disk that are free, as far as is known. */
  get #free(): number {
    return this.#seen + this.#freed + this.#freeing;
  }

  /**
   * What is kept after its delivery gives way within a second: it counts as free.
   *
   * @param leaving bytes of each chunk that counts as gone
   */
  #excess(leaving: Iterable<number> = []): number {
    const { maxBytes, minFreeBytes } = this.#options;
    let [bytes, room] = [0, this.#free + this.#kept.bytes];
    for (const chunk of leaving) {
      bytes += chunk;
      room += this.#occupied(chunk);
    }
    return Math.max(this.bytes - bytes - maxBytes, minFreeBytes - room);
  }

  async #shedKept(): Promise<void> {
    const { maxBytes, minFreeBytes } = this.#options;
    const before = this.#kept.bytes;
    const excess = Math.max(this.bytes + before - maxBytes, minFreeBytes - this.#free);
    if (before === 0 || excess <= 0) return;
    await this.#kept.makeRoom(excess);
    this.#freed += before - this.#kept.bytes;
  }

  /** One at a time: two would both see what one is about to mend. */
  #drop(work: () => Promise<unknown>): Promise<unknown> {
    this.#dropping ??= work().finally(() => {
      this.#dropping = undefined;
    });
    return this.#dropping;
  }

  async #makeRoom(): Promise<void> {
    // What is under way makes room by itself: else the newest chunk would go while the oldest are being delivered.
    while (this.#excess(this.#underWay()) > 0) if (!(await this.#dropOne())) return;
  }

  *#underWay(): Iterable<number> {
    for (const holder of this.#holders()) yield* holder.underWay();
  }

  /** @returns false when there is nothing to drop */
  async #dropOne(): Promise<boolean> {
    const victim = this.#holderOfOldest();
    await victim?.dropOldest();
    return victim !== undefined;
  }

  /** What a chunk of so many bytes takes of the disk, its sidecar with it: of small ones it is mostly blocks. */
  #occupied(bytes: number): number {
    return (Math.ceil(bytes / this.#block) + 1) * this.#block;
  }

  #holderOfOldest(): Droppable | undefined {
    let [found, age]: [Droppable | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
    for (const holder of this.#holders()) {
      const oldest = holder.oldest();
      if (oldest !== undefined && oldest < age) [found, age] = [holder, oldest];
    }
    return found;
  }
}
