import type { Column } from '../api/tool-state.js';
import type { Cell, Header, ReadJournal } from './journal.js';
import { type Fill, type Held, type PlacedReading, Rows } from './rows.js';

/** Columns as they travel, and whether they go by `/chunk` (one channel) or `/chunk/multi`. */
export interface Table {
  readonly columns: Readonly<Record<string, Column>>;
  readonly single: boolean;
}

/** The open chunk in memory: its rows and the units of its channels. */
export class Chunk {
  readonly number: number;
  readonly chunkIndex: number;
  readonly rows: Rows;
  readonly units: Map<string, string>;
  readonly #fill: Fill;

  constructor(header: Header) {
    this.number = header.number;
    this.chunkIndex = header.chunk_index;
    this.#fill = header.fill;
    this.rows = new Rows(header.fill, new Map<string, Held>(Object.entries(header.carried)));
    this.units = new Map(Object.entries(header.units));
  }

  /** Rebuilds a chunk from its journal. */
  static from({ header, records }: Pick<ReadJournal, 'header' | 'records'>): Chunk {
    const chunk = new Chunk(header);
    for (const record of records) {
      if (!('cells' in record)) continue;
      for (const cell of record.cells) chunk.#replay(cell);
    }
    return chunk;
  }

  /** Takes a reading into `row`; returns the journal's cell. */
  put(reading: PlacedReading, row: number, units: string | undefined): Cell {
    const { channel, time, value, onArrival } = reading;
    const isNew = units !== undefined && this.units.get(channel) !== units;
    if (isNew) this.units.set(channel, units);
    this.rows.put(reading, row);
    return [row, time, channel, value, onArrival, isNew ? units : null];
  }

  /** The header of the chunk that follows. */
  next(number: number, chunkIndex: number): Header {
    return {
      version: 1,
      number,
      chunk_index: chunkIndex,
      fill: this.#fill,
      carried: Object.fromEntries(
        [...this.rows.held()].map(([channel, [time, value]]) => [channel, [time, value]]),
      ),
      units: Object.fromEntries(this.units),
    };
  }

  table(): Table {
    const columns = this.rows.columns(this.units);
    return { columns, single: Object.keys(columns).length === 1 };
  }

  #replay([row, time, channel, value, onArrival, units]: Cell): void {
    if (units !== null) this.units.set(channel, units);
    this.rows.put({ channel, time, value, onArrival }, row);
  }
}

/** The table of a sealed journal: what the library was given, or the rows. */
export function tableOf(journal: Pick<ReadJournal, 'header' | 'records'>): Table {
  const [first] = journal.records;
  if (first !== undefined && 'table' in first) return { columns: first.table, single: first.single };
  return Chunk.from(journal).table();
}

/** The table with its timestamps corrected; every channel shares the same axis where it did before. */
export function shifted({ columns, single }: Table, seconds: number): Table {
  if (seconds === 0) return { columns, single };
  const axes = new Map<readonly number[], number[]>();
  const moved = Object.entries(columns).map(([channel, column]) => {
    let axis = axes.get(column.timestamps);
    if (axis === undefined) {
      axis = column.timestamps.map((time) => time + seconds);
      axes.set(column.timestamps, axis);
    }
    return [channel, { ...column, timestamps: axis }];
  });
  return { columns: Object.fromEntries(moved), single };
}
