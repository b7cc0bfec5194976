import { rename, unlink } from 'node:fs/promises';
import type { Correction } from '../clock.js';
import { readSidecar, type TimeseriesSidecar, writeSidecar } from '../spool/entry.js';
import { codeOf, numbered, removeIfThere, spoolError, syncFolder } from '../spool/files.js';
import { Chunk, type Table } from './chunk.js';
import {
  beginJournal,
  isTornHeader,
  removeJournal,
  sealJournal,
  sealTable,
  syncSealed,
  writeTable,
} from './chunk-journal.js';
import {
  type Cell,
  encodeRecord,
  type Header,
  JournalWriter,
  type ReadJournal,
  readJournal,
} from './journal.js';
import type { Fill, PlacedReading } from './rows.js';

/** What the early sends of the open chunk have told the service. */
interface Early {
  /** Points in the last early send that was answered. */
  points: number;
  /** When the last one went, as `performance.now()`. */
  at: number;
  /** One may still land: the sealed chunk is then sent twice. */
  unanswered: boolean;
  /** The clock correction, fixed at the first one. */
  clock: Clock;
}

/** A correction that is fixed; null: the clocks are not compared; undefined: it is fixed later. */
type Clock = Correction | null | undefined;

export interface RowRules {
  /** Seconds. */
  readonly rowWindow: number;
  readonly pointsPerChunk: number;
  /** For chunks that are sealed on the way. */
  readonly clock: Clock;
}

type Message = readonly (PlacedReading & { readonly units?: string })[];

/** How far the journal went when everything in it belonged to whole messages. */
interface Mark {
  /** Of the open chunk, or of the one to be begun. */
  readonly header: Header;
  /** 0: it was not begun. */
  readonly bytes: number;
  readonly early: Early;
}

/** What became of messages: the first `taken` are on disk, the next one failed with `error`. */
export interface Taken {
  readonly taken: number;
  readonly error?: unknown;
}

/** What a restart finds of an open chunk. `sealed`: it was whole, only its sealing was not finished. */
export interface Reopened {
  readonly cutBytes: number;
  readonly sealed?: TimeseriesSidecar;
}

const freshEarly = (): Early => ({ points: 0, at: performance.now(), unanswered: false, clock: undefined });

/**
 * The chunk that readings go into: in memory as rows, on disk as a journal. One call at a time. What a failed
 * message has left is undone before anything else is done, or asked again until the disk allows it.
 */
export class OpenChunk {
  readonly #folder: string;
  /** Header of the open chunk; of the one to be begun while none is open. */
  #next: Header;
  #chunk: Chunk | undefined;
  #journal: JournalWriter | undefined;
  #undo: Mark | undefined;
  early = freshEarly();

  constructor(folder: string, fill: Fill, nextNumber: number) {
    this.#folder = folder;
    this.#next = { version: 1, number: nextNumber, chunk_index: nextNumber, fill, carried: {}, units: {} };
  }

  /**
   * Goes on with a journal found at start, cut at its first record that does not hold.
   *
   * @returns undefined when the file is no open chunk
   */
  async reopen(number: number): Promise<Reopened | undefined> {
    const path = numbered(this.#folder, number, 'open');
    if (await isTornHeader(path)) {
      // The process ended while it began the chunk: nothing in it was ever confirmed.
      await unlink(path);
      this.#next = { ...this.#next, number, chunk_index: number };
      return { cutBytes: 0 };
    }
    const found = await readJournal(path);
    if (found === undefined) return undefined;
    const table = found.records.find((record) => 'table' in record);
    if (table !== undefined)
      return { cutBytes: 0, sealed: await sealTable(this.#folder, found.header, table, found.goodBytes) };
    const sidecar = await readSidecar(this.#folder, number);
    this.#journal = await JournalWriter.open(path, found.goodBytes);
    this.#chunk = Chunk.from(found);
    this.#next = found.header;
    this.early = freshEarly();
    if (sidecar?.kind === 'timeseries') {
      this.early.unanswered = sidecar.early_unanswered;
      this.early.clock = sidecar.clock;
    }
    return { cutBytes: found.cutBytes };
  }

  /**
   * The process ended between sealing a chunk and beginning the next one: what its channels hold goes on from it.
   *
   * @param number of the last sealed chunk
   */
  async carryFrom(number: number): Promise<void> {
    const found = await readJournal(numbered(this.#folder, number, 'rows')).catch(() => undefined);
    if (found === undefined || found.records.some((record) => 'table' in record)) return;
    const { carried, units } = Chunk.from(found).next(number + 1, number + 1);
    this.#next = { ...this.#next, carried, units };
  }

  /** The chunk itself; undefined while nothing is open. */
  get current(): Chunk | undefined {
    return this.#chunk;
  }

  get points(): number {
    return this.#chunk?.rows.points ?? 0;
  }

  get bytes(): number {
    return this.#journal?.bytes ?? 0;
  }

  /** Index that the open chunk has, or the next one will have. */
  get chunkIndex(): number {
    return this.#chunk?.chunkIndex ?? this.#next.chunk_index;
  }

  /**
   * Takes messages in their order, each whole or not at all; chunks that become full on the way are sealed.
   *
   * @param sealed is told of them when the message that filled them is whole
   */
  async take(
    messages: readonly Message[],
    rules: RowRules,
    sealed: (sidecar: TimeseriesSidecar) => void,
  ): Promise<Taken> {
    let taken = 0;
    let mark: Mark | undefined;
    try {
      await this.#settle();
      mark = this.#mark();
      let cells: Cell[] = [];
      for (const [index, message] of messages.entries()) {
        let own: Cell[] = [];
        const full: TimeseriesSidecar[] = [];
        for (const reading of message) {
          const row = this.#place(reading, rules);
          if (row === null) {
            // Those before it are whole without it.
            await this.#append(cells);
            if (cells.length > 0) [taken, mark, cells] = [index, this.#mark(), []];
            await this.#append(own);
            own = [];
            const sidecar = await this.#seal(rules.clock);
            if (sidecar !== undefined) full.push(sidecar);
          }
          const chunk = this.#chunk ?? (await this.#begin());
          own.push(chunk.put(reading, row ?? 0, reading.units));
        }
        cells.push(...own);
        if (full.length === 0) continue;
        await this.#append(cells);
        [taken, mark, cells] = [index + 1, this.#mark(), []];
        full.forEach(sealed);
      }
      await this.#append(cells);
      return { taken: messages.length };
    } catch (error) {
      this.#undo ??= mark;
      await this.#settle().catch(() => undefined); // The next call tries it again, and fails with this.
      return { taken, error };
    }
  }

  /** Begins the next chunk, if none is open: it keeps on disk what its channels hold. */
  async begin(): Promise<void> {
    await this.#settle();
    if (this.#chunk === undefined) await this.#begin();
  }

  /** What channels without a reading have from the next chunk on. */
  set fill(fill: Fill) {
    this.#next = { ...this.#next, fill };
  }

  /** True when no further row fits; `complete` when no channel may still join the last one. */
  fullness({ pointsPerChunk }: RowRules): 'room' | 'full' | 'complete' {
    const rows = this.#chunk?.rows;
    if (rows === undefined || rows.rows.length < pointsPerChunk) return 'room';
    const last = rows.rows.at(-1);
    return !last?.onArrival || last.cells.size >= rows.channels.size ? 'complete' : 'full';
  }

  /** Seals what is open: from now on it is only read. Undefined when there are no rows. */
  async seal(clock: Clock): Promise<TimeseriesSidecar | undefined> {
    await this.#settle();
    const sidecar = await this.#seal(clock);
    if (sidecar !== undefined) await syncSealed(this.#folder);
    return sidecar;
  }

  /** The same, and begins the next chunk: one sync of the folder is for both. */
  async sealAndBegin(clock: Clock): Promise<TimeseriesSidecar | undefined> {
    await this.#settle();
    const sidecar = await this.#seal(clock);
    // What fails here is tried again with the next reading.
    if (this.#chunk === undefined) await this.#begin().catch(() => syncSealed(this.#folder));
    return sidecar;
  }

  /** The folder is synced by whoever calls. */
  async #seal(clock: Clock): Promise<TimeseriesSidecar | undefined> {
    const [chunk, journal] = [this.#chunk, this.#journal];
    if (chunk === undefined || journal === undefined) return undefined;
    let sidecar: TimeseriesSidecar | undefined;
    if (chunk.rows.rows.length === 0) {
      await removeJournal(this.#folder, journal, chunk.number);
      this.#next = chunk.next(chunk.number, chunk.chunkIndex);
    } else {
      const { unanswered, clock: fixed = clock } = this.early;
      sidecar = await sealJournal(this.#folder, journal, this.#sidecar(chunk, unanswered, fixed));
      this.#next = chunk.next(chunk.number + 1, chunk.chunkIndex + 1);
    }
    this.#chunk = undefined;
    this.#journal = undefined;
    this.early = freshEarly();
    return sidecar;
  }

  /** Writes a whole chunk as it was given, sealed at once. */
  async addTable(chunkIndex: number, columns: Table['columns'], single: boolean): Promise<TimeseriesSidecar> {
    await this.#settle();
    const { number } = this.#next;
    const header: Header = {
      version: 1,
      number,
      chunk_index: chunkIndex,
      fill: 'gap',
      carried: {},
      units: {},
    };
    const sidecar = await writeTable(this.#folder, header, { table: { ...columns }, single });
    this.#next = { ...this.#next, number: number + 1 };
    return sidecar;
  }

  /** Before an early send: only rows on disk are sent, and a restart knows of the send before it happens. */
  async prepareEarly(clock: Correction | null): Promise<void> {
    const [chunk, journal] = [this.#chunk, this.#journal];
    if (chunk === undefined || journal === undefined) return;
    await journal.sync();
    if (this.early.clock !== undefined) return;
    this.early.clock = clock;
    await writeSidecar(this.#folder, this.#sidecar(chunk, true, clock));
  }

  async sync(): Promise<void> {
    await this.#journal?.sync();
  }

  /** Syncs and lets the file go; the chunk goes on after a restart. */
  async close(): Promise<void> {
    await this.#settle().catch(() => undefined); // What stays was never confirmed.
    const journal = this.#journal;
    this.#journal = undefined;
    this.#chunk = undefined;
    await journal?.sync();
    await journal?.close();
  }

  #mark(): Mark {
    return { header: this.#next, bytes: this.bytes, early: this.early };
  }

  /** Row of a reading in the open chunk; null when it needs another chunk. */
  #place(reading: PlacedReading, { rowWindow, pointsPerChunk }: RowRules): number | null {
    const rows = this.#chunk?.rows;
    if (rows === undefined) return 0;
    const row = rows.place(reading, rowWindow)?.row;
    const isBeyond = row === rows.rows.length && rows.rows.length >= pointsPerChunk;
    return row === undefined || isBeyond ? null : row;
  }

  /**
   * Undoes what a message that failed has left: chunks that it began go, the one that it filled is open again and
   * cut back. Each step may be repeated: what fails now is done before the next call.
   */
  async #settle(): Promise<void> {
    if (this.#undo === undefined) return;
    const { header, bytes, early } = this.#undo;
    const path = numbered(this.#folder, header.number, 'open');
    const last = this.#next.number;
    try {
      const open = this.#journal;
      this.#journal = undefined;
      this.#chunk = undefined;
      await open?.close();
      const first = bytes === 0 ? header.number : header.number + 1;
      for (let number = last; number >= first; number -= 1) {
        for (const ending of ['open', 'rows', 'json'])
          await removeIfThere(numbered(this.#folder, number, ending));
      }
      if (bytes > 0) {
        if (last > header.number)
          await rename(numbered(this.#folder, header.number, 'rows'), path).catch(unlessMissing);
        this.#journal = await JournalWriter.open(path, bytes);
        const journal = (await readJournal(path)) as ReadJournal;
        this.#chunk = Chunk.from(journal);
      }
      await syncFolder(this.#folder);
    } catch (error) {
      throw spoolError(error, path, 'undoing a failed write of');
    }
    this.#next = header;
    this.early = early;
    this.#undo = undefined;
  }

  async #begin(): Promise<Chunk> {
    const journal = await beginJournal(this.#folder, this.#next.number, encodeRecord(this.#next));
    this.#journal = journal;
    this.#chunk = new Chunk(this.#next);
    return this.#chunk;
  }

  async #append(cells: Cell[]): Promise<void> {
    if (cells.length > 0) await this.#journal?.append(encodeRecord({ cells }));
  }

  #sidecar({ number, chunkIndex, rows }: Chunk, unanswered: boolean, clock: Clock): TimeseriesSidecar {
    return {
      version: 1,
      kind: 'timeseries',
      number,
      chunk_index: chunkIndex,
      rows: rows.rows.length,
      points: rows.points,
      bytes: this.bytes,
      early_unanswered: unanswered,
      ...(clock === undefined ? {} : { clock }),
    };
  }
}

function unlessMissing(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error;
}
