import { readFile, rename, unlink } from 'node:fs/promises';
import type { Column } from '../api/tool-state.js';
import type { Correction } from '../clock.js';
import { readSidecar, type TimeseriesSidecar, writeSidecar } from '../spool/entry.js';
import { numbered, spoolError, syncFolder } from '../spool/files.js';
import { Chunk } from './chunk.js';
import { type Cell, encodeRecord, type Header, JournalWriter, readJournal } from './journal.js';
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
  clock: Correction | null | undefined;
}

export interface RowRules {
  /** Seconds. */
  readonly rowWindow: number;
  readonly pointsPerChunk: number;
}

type PlacedWithUnits = PlacedReading & { readonly units?: string };

const freshEarly = (): Early => ({ points: 0, at: performance.now(), unanswered: false, clock: undefined });

/**
 * The chunk that readings go into: in memory as rows, on disk as a journal. One call at a time; what memory and
 * disk say differs only between a failed write and `reload`.
 */
export class OpenChunk {
  readonly #folder: string;
  #next: Header;
  #chunk: Chunk | undefined;
  #journal: JournalWriter | undefined;
  early = freshEarly();

  constructor(folder: string, fill: Fill, nextNumber: number) {
    this.#folder = folder;
    this.#next = { version: 1, number: nextNumber, chunk_index: nextNumber, fill, carried: {}, units: {} };
  }

  /**
   * Goes on with a journal found at start, cut at its first record that does not hold.
   *
   * @returns bytes cut off; undefined when the file is no open chunk
   */
  async reopen(number: number): Promise<number | undefined> {
    const path = numbered(this.#folder, number, 'open');
    if (await isTornHeader(path)) {
      // The process ended while it began the chunk: nothing in it was ever confirmed.
      await unlink(path);
      return 0;
    }
    const found = await readJournal(path);
    if (found === undefined || found.records.some((record) => 'table' in record)) return undefined;
    const sidecar = await readSidecar(this.#folder, number);
    this.#journal = await JournalWriter.open(path, found.goodBytes);
    this.#chunk = Chunk.from(found);
    this.early = freshEarly();
    if (sidecar?.kind === 'timeseries') {
      this.early.unanswered = sidecar.early_unanswered;
      this.early.clock = sidecar.clock;
    }
    return found.cutBytes;
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
   * Takes readings, in their order; chunks that become full on the way are sealed.
   *
   * @param units of the channels, where a reading names them
   */
  async take(
    readings: Iterable<PlacedWithUnits>,
    rules: RowRules,
    sealed: (sidecar: TimeseriesSidecar) => void,
  ): Promise<void> {
    let cells: Cell[] = [];
    for (const reading of readings) {
      let chunk = this.#chunk ?? (await this.#begin());
      let row = chunk.rows.place(reading, rules.rowWindow)?.row;
      const isNewRow = row === chunk.rows.rows.length;
      if (row === undefined || (isNewRow && chunk.rows.rows.length >= rules.pointsPerChunk)) {
        await this.#append(cells);
        cells = [];
        const sidecar = await this.seal();
        if (sidecar !== undefined) sealed(sidecar);
        chunk = this.#chunk ?? (await this.#begin());
        row = 0;
      }
      cells.push(chunk.put(reading, row, reading.units));
    }
    await this.#append(cells);
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
  async seal(): Promise<TimeseriesSidecar | undefined> {
    const [chunk, journal] = [this.#chunk, this.#journal];
    if (chunk === undefined || journal === undefined || chunk.rows.rows.length === 0) return undefined;
    const sidecar = await this.#sealFiles(journal, this.#sidecar(chunk, this.early.unanswered));
    this.#next = chunk.next(chunk.number + 1, chunk.chunkIndex + 1);
    this.#chunk = undefined;
    this.#journal = undefined;
    this.early = freshEarly();
    return sidecar;
  }

  /** Writes a whole chunk as it was given, sealed at once. */
  async addTable(
    chunkIndex: number,
    columns: Readonly<Record<string, Column>>,
    single: boolean,
  ): Promise<TimeseriesSidecar> {
    const { number } = this.#next;
    const header: Header = {
      version: 1,
      number,
      chunk_index: chunkIndex,
      fill: 'gap',
      carried: {},
      units: {},
    };
    const journal = await this.#newJournal(
      number,
      encodeRecord(header) + encodeRecord({ table: { ...columns }, single }),
    );
    const list = Object.values(columns);
    const sealing = this.#sealFiles(journal, {
      version: 1,
      kind: 'timeseries',
      number,
      chunk_index: chunkIndex,
      rows: Math.max(0, ...list.map((column) => column.timestamps.length)),
      points: list.reduce((sum, column) => sum + column.values.length, 0),
      bytes: journal.bytes,
      early_unanswered: false,
    });
    sealing.catch(() => journal.close());
    const sidecar = await sealing;
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
    await writeSidecar(this.#folder, this.#sidecar(chunk, true));
  }

  async sync(): Promise<void> {
    await this.#journal?.sync();
  }

  /** After a failed write memory is ahead of the disk: the disk is what counts. */
  async reload(): Promise<void> {
    if (this.#chunk === undefined) return;
    const journal = await readJournal(numbered(this.#folder, this.#chunk.number, 'open'));
    if (journal !== undefined) this.#chunk = Chunk.from(journal);
  }

  /** Syncs and lets the file go; the chunk goes on after a restart. */
  async close(): Promise<void> {
    const journal = this.#journal;
    this.#journal = undefined;
    this.#chunk = undefined;
    await journal?.sync();
    await journal?.close();
  }

  async #begin(): Promise<Chunk> {
    const journal = await this.#newJournal(this.#next.number, encodeRecord(this.#next));
    this.#journal = journal;
    this.#chunk = new Chunk(this.#next);
    return this.#chunk;
  }

  async #newJournal(number: number, text: string): Promise<JournalWriter> {
    const path = numbered(this.#folder, number, 'open');
    const journal = await JournalWriter.open(path, 0);
    try {
      await journal.append(text);
      await syncFolder(this.#folder);
      return journal;
    } catch (error) {
      await journal.close();
      throw spoolError(error, path, 'beginning');
    }
  }

  async #append(cells: Cell[]): Promise<void> {
    if (cells.length > 0) await this.#journal?.append(encodeRecord({ cells }));
  }

  #sidecar({ number, chunkIndex, rows }: Chunk, unanswered: boolean): TimeseriesSidecar {
    return {
      version: 1,
      kind: 'timeseries',
      number,
      chunk_index: chunkIndex,
      rows: rows.rows.length,
      points: rows.points,
      bytes: this.bytes,
      early_unanswered: unanswered,
      ...(this.early.clock === undefined ? {} : { clock: this.early.clock }),
    };
  }

  async #sealFiles(journal: JournalWriter, sidecar: TimeseriesSidecar): Promise<TimeseriesSidecar> {
    const path = numbered(this.#folder, sidecar.number, 'open');
    try {
      await journal.sync();
      await writeSidecar(this.#folder, sidecar);
      await rename(path, numbered(this.#folder, sidecar.number, 'rows'));
    } catch (error) {
      throw spoolError(error, path, 'sealing');
    }
    // It is sealed now, whatever follows: after a power cut the old name, with the same rows, is opened again.
    await syncFolder(this.#folder).catch(() => undefined);
    await journal.close().catch(() => undefined);
    return sidecar;
  }
}

async function isTornHeader(path: string): Promise<boolean> {
  return !(await readFile(path)).includes('\n');
}
