import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type ChunkCheck, checkOfParts } from '../spool/chunk-check.js';
import { readSidecar, type TimeseriesSidecar } from '../spool/entry.js';
import { codeOf, numbered } from '../spool/files.js';
import { type Table, tableOf } from './chunk.js';
import { asHeader, asRecord, type Header, type JournalRecord, linesOf } from './journal.js';

/** A timeseries chunk on disk, sealed or open, as it was when it was read; nothing is changed. */
export class RowsReader {
  readonly path: string;
  readonly sealed: boolean;
  /** An open chunk has one once it was sent early. */
  readonly sidecar: TimeseriesSidecar | undefined;
  readonly chunkIndex: number;
  readonly #header: Header | undefined;
  readonly #records: readonly (JournalRecord | undefined)[];
  readonly #hasLines: boolean;
  readonly #hasSidecar: boolean;
  readonly #size: number;
  readonly #tornBytes: number;

  private constructor(
    path: string,
    number: number,
    sidecar: TimeseriesSidecar | undefined,
    sealed: boolean,
    bytes: Buffer,
  ) {
    const lines = [...linesOf(bytes)];
    this.#hasLines = lines.length > 0;
    this.#hasSidecar = existsSync(path.replace(/\w+$/, 'json'));
    this.path = path;
    this.sealed = sealed;
    this.sidecar = sidecar;
    this.#header = asHeader(lines[0]?.value);
    this.#records = lines.slice(1).map(({ value }) => asRecord(value));
    this.#size = bytes.length;
    this.#tornBytes = bytes.length - (lines.at(-1)?.end ?? 0);
    this.chunkIndex = this.#header?.chunk_index ?? sidecar?.chunk_index ?? number;
  }

  /** Undefined when there are no rows of this number here, or not any more. */
  static async open(folder: string, number: number): Promise<RowsReader | undefined> {
    // The sidecar first: it is written before the rows have this name, and goes after them.
    const before = await readSidecar(folder, number);
    for (const ending of ['rows', 'open', 'rows'] as const) {
      const path = numbered(folder, number, ending);
      const bytes = await readFile(path).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (bytes === undefined) continue;
      const sidecar = before ?? (await readSidecar(folder, number));
      const known = sidecar?.kind === 'timeseries' ? sidecar : undefined;
      return new RowsReader(path, number, known, ending === 'rows', bytes);
    }
    return undefined;
  }

  /**
   * What holds of it as columns. Rows whose first reading is lost take the time of their next one.
   *
   * @param from the first record
   */
  table(from = 0): Table {
    const header: Header = this.#header ?? {
      version: 1,
      number: this.chunkIndex,
      chunk_index: this.chunkIndex,
      fill: 'gap',
      carried: {},
      units: {},
    };
    return tableOf({ header, records: renumbered(this.#records.slice(from), header.fill) });
  }

  /** Values in what holds of it. */
  get points(): number {
    let points = 0;
    for (const record of this.#records) {
      if (record === undefined) continue;
      if ('cells' in record) points += record.cells.filter(([, , , value]) => value !== null).length;
      else for (const { values } of Object.values(record.table)) points += values.length;
    }
    return points;
  }

  /** False when its first line does not hold: what the others mean is not known. */
  get isReadable(): boolean {
    return this.#header !== undefined || !this.#hasLines;
  }

  check(): ChunkCheck {
    const faults: string[] = [];
    // A chunk whose first line does not end was being begun: nothing in it was ever confirmed.
    if (this.#header === undefined && (this.#hasLines || this.sealed))
      faults.push('its header does not hold');
    if (this.sidecar === undefined && (this.sealed || this.#hasSidecar))
      faults.push('its sidecar is missing or damaged');
    if (this.sealed && this.sidecar !== undefined && this.sidecar.bytes !== this.#size)
      faults.push(`expected ${this.sidecar.bytes} bytes, found ${this.#size}`);
    const holding = this.#records.map((record) => record !== undefined);
    return checkOfParts('record', holding, faults, !this.sealed, this.#tornBytes);
  }
}

/** Rows are numbered as they begin; where records are missing, those that are left are numbered anew. */
function renumbered(records: readonly (JournalRecord | undefined)[], fill: Header['fill']): JournalRecord[] {
  const numbers = new Map<number, number>();
  return records
    .filter((record) => record !== undefined)
    .map((record) => {
      if (!('cells' in record)) return record;
      const cells = record.cells.map((cell): typeof cell => {
        const [row, time, channel, value, onArrival, units] = cell;
        // The end of a held channel is in no row.
        if (fill === 'hold' && value === null) return cell;
        const number = numbers.get(row) ?? numbers.size;
        numbers.set(row, number);
        return [number, time, channel, value, onArrival, units];
      });
      return { cells };
    });
}
