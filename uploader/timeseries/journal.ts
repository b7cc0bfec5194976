import type { FileHandle } from 'node:fs/promises';
import { open, readFile } from 'node:fs/promises';
import * as v from 'valibot';
import type { Column } from '../api/tool-state.js';
import { crcText } from '../spool/checked-json.js';
import { FILE_MODE, spoolError } from '../spool/files.js';

/*
 * A chunk's journal: a line a record, `crc32c JSON\n`, the checksum over the JSON text. The first record is the
 * header; then come cells in the order in which they were accepted, or one whole table as the library was given
 * it. While open it is `NNNNNN.open`; sealed, `NNNNNN.rows`.
 */

const Header = v.object({
  version: v.literal(1),
  number: v.number(),
  chunk_index: v.number(),
  fill: v.picklist(['hold', 'gap']),
  carried: v.record(v.string(), v.tuple([v.number(), v.number()])),
  units: v.record(v.string(), v.string()),
});
export type Header = v.InferOutput<typeof Header>;

/** Row, time (Unix s), channel, value, stamped on arrival, units when they are new. */
const Cell = v.tuple([
  v.number(),
  v.number(),
  v.string(),
  v.nullable(v.number()),
  v.boolean(),
  v.nullable(v.string()),
]);
export type Cell = v.InferOutput<typeof Cell>;

const TableColumn = v.object({
  timestamps: v.array(v.number()),
  values: v.array(v.nullable(v.number())),
  units: v.optional(v.string()),
});
const Record = v.union([
  v.object({ cells: v.array(Cell) }),
  v.object({ table: v.record(v.string(), TableColumn), single: v.boolean() }),
]);
export type JournalRecord = { cells: Cell[] } | { table: { [channel: string]: Column }; single: boolean };

export interface ReadJournal {
  readonly header: Header;
  readonly records: JournalRecord[];
  /** Bytes up to the end of the last record that holds. */
  readonly goodBytes: number;
  /** Bytes after it: a torn tail. */
  readonly cutBytes: number;
}

export function encodeRecord(record: Header | JournalRecord): string {
  const text = JSON.stringify(record);
  return `${crcText(Buffer.from(text))} ${text}\n`;
}

/** Reads a journal up to the first record that does not hold; undefined when not even the header does. */
export async function readJournal(path: string): Promise<ReadJournal | undefined> {
  const bytes = await readFile(path);
  let header: Header | undefined;
  const records: JournalRecord[] = [];
  let good = 0;
  for (const { value, end } of linesOf(bytes)) {
    if (header === undefined) header = asHeader(value);
    else {
      const record = asRecord(value);
      if (record === undefined) break;
      records.push(record);
    }
    if (header === undefined) return undefined;
    good = end;
  }
  return header && { header, records, goodBytes: good, cutBytes: bytes.length - good };
}

/** The lines of a journal that end; what a line says is undefined when its checksum does not hold. */
export function* linesOf(bytes: Buffer): Generator<{ value: unknown; end: number }> {
  for (let from = 0; ; ) {
    const end = bytes.indexOf(0x0a, from);
    if (end < 0) return;
    yield { value: decodeLine(bytes.subarray(from, end)), end: end + 1 };
    from = end + 1;
  }
}

export function asHeader(value: unknown): Header | undefined {
  const parsed = v.safeParse(Header, value);
  return parsed.success ? parsed.output : undefined;
}

export function asRecord(value: unknown): JournalRecord | undefined {
  const parsed = v.safeParse(Record, value);
  return parsed.success ? (parsed.output as JournalRecord) : undefined;
}

function decodeLine(line: Buffer): unknown {
  const text = line.subarray(9);
  if (line[8] !== 0x20 || crcText(text) !== line.toString('latin1', 0, 8)) return undefined;
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The open end of a journal. */
export class JournalWriter {
  readonly #path: string;
  readonly #handle: FileHandle;
  #length: number;
  #synced: number;

  private constructor(path: string, handle: FileHandle, length: number) {
    this.#path = path;
    this.#handle = handle;
    this.#length = length;
    this.#synced = 0;
  }

  /** Opens a journal, new (`length` 0) or cut back to `length` bytes. */
  static async open(path: string, length: number): Promise<JournalWriter> {
    try {
      if (length === 0) return new JournalWriter(path, await open(path, 'w', FILE_MODE), length);
      const handle = await open(path, 'r+', FILE_MODE);
      await handle.truncate(length).catch(async (error: unknown) => {
        await handle.close();
        throw error;
      });
      return new JournalWriter(path, handle, length);
    } catch (error) {
      throw spoolError(error, path, 'opening');
    }
  }

  get bytes(): number {
    return this.#length;
  }

  /** Appends records; when that fails half-way the file is cut back to its last whole record. */
  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      let written = 0;
      while (written < bytes.length) {
        const step = await this.#handle.write(bytes, written, bytes.length - written, this.#length + written);
        written += step.bytesWritten;
      }
      this.#length += bytes.length;
    } catch (error) {
      await this.#handle.truncate(this.#length).catch(() => undefined);
      throw spoolError(error, this.#path, 'writing');
    }
  }

  async sync(): Promise<void> {
    if (this.#synced === this.#length) return;
    const length = this.#length;
    await this.#handle.datasync();
    this.#synced = length;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
