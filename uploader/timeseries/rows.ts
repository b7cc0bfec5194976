import type { Column } from '../api/tool-state.js';

/** A reading ready for a row. `time`: Unix seconds. */
export interface PlacedReading {
  readonly channel: string;
  readonly time: number;
  /** Stamped on arrival: may share a row with other channels' within the row window. */
  readonly onArrival: boolean;
  readonly value: number | null;
}

export interface Row {
  time: number;
  onArrival: boolean;
  readonly cells: Map<string, number | null>;
}

/** Differences of seconds since 1970 are exact to less than this. */
const ROUNDING = 1e-6;

/** A channel's last reading. */
export type Held = readonly [time: number, value: number];

export type Fill = 'hold' | 'gap';

/** Where a reading goes: a row of the table, or a new one (`row` = number of rows); null = a new chunk first. */
export type Place = { readonly row: number } | null;

/**
 * The rows of one chunk. The service keeps one time axis a chunk, so every channel gets a value, or null, in
 * every row. Rows stand in the order in which they came; they are sorted by time when they are sent.
 */
export class Rows {
  readonly rows: Row[] = [];
  readonly channels = new Set<string>();
  readonly #fill: Fill;
  /** What channels held when the chunk began. */
  readonly carried: ReadonlyMap<string, Held>;
  readonly #byTime = new Map<number, number[]>();
  #earliest = Number.POSITIVE_INFINITY;
  #lastArrival = -1;
  points = 0;

  constructor(fill: Fill, carried: ReadonlyMap<string, Held> = new Map()) {
    this.#fill = fill;
    this.carried = carried;
    // A channel that is held goes on in the next chunk.
    if (fill === 'hold') for (const channel of carried.keys()) this.channels.add(channel);
  }

  /**
   * Finds the row of a reading: equal timestamps share one, arrivals of different channels within `rowWindow`
   * share one, and a channel's next reading always starts another: nothing is merged away.
   *
   * @param rowWindow seconds
   * @returns null when the reading does not fit into this chunk: its set of channels is fixed
   */
  place(reading: PlacedReading, rowWindow: number): Place {
    const row = this.#rowFor(reading, rowWindow);
    if (this.rows.length === 0 || this.#fill === 'gap') return { row };
    if (reading.value === null) return this.channels.has(reading.channel) ? null : { row };
    if (this.channels.has(reading.channel)) return { row };
    // A channel that appears fits only if no row would be left without it.
    const joinsEarliest = row < this.rows.length && this.rows[row]?.time === this.#earliest;
    return joinsEarliest ? { row } : null;
  }

  /** Puts a reading into the row that `place` gave; a null under `hold` ends the channel. */
  put(reading: PlacedReading, row: number): void {
    const { channel, time, onArrival, value } = reading;
    if (this.#fill === 'hold' && value === null) {
      this.channels.delete(channel);
      return;
    }
    if (row === this.rows.length) {
      this.rows.push({ time, onArrival, cells: new Map() });
      const same = this.#byTime.get(time);
      if (same === undefined) this.#byTime.set(time, [row]);
      else same.push(row);
      if (onArrival) this.#lastArrival = row;
      this.#earliest = Math.min(this.#earliest, time);
    }
    (this.rows[row] as Row).cells.set(channel, value);
    this.channels.add(channel);
    if (value !== null) this.points += 1;
  }

  /** What channels hold at the end of this chunk, for the next one. */
  held(): Map<string, Held> {
    const held = new Map<string, Held>();
    for (const [channel, last] of this.carried) if (this.channels.has(channel)) held.set(channel, last);
    for (const { time, cells } of this.rows) {
      for (const [channel, value] of cells) {
        if (value === null || !this.channels.has(channel)) continue;
        if (time >= (held.get(channel)?.[0] ?? Number.NEGATIVE_INFINITY)) held.set(channel, [time, value]);
      }
    }
    return held;
  }

  /** The chunk as it is sent: rows by time, every channel with the same timestamps. */
  columns(units: ReadonlyMap<string, string>): Record<string, Column> {
    const rows = [...this.rows].sort((one, other) => one.time - other.time);
    const timestamps = rows.map((row) => row.time);
    // By fromEntries every name becomes a property of its own, `__proto__` too.
    return Object.fromEntries(
      [...this.channels].map((channel): [string, Column] => {
        const values =
          this.#fill === 'hold'
            ? this.#heldValues(channel, rows)
            : rows.map((row) => row.cells.get(channel) ?? null);
        const unit = units.get(channel);
        return [channel, { timestamps, values, ...(unit === undefined ? {} : { units: unit }) }];
      }),
    );
  }

  #heldValues(channel: string, rows: readonly Row[]): (number | null)[] {
    const carried = this.carried.get(channel);
    let last: number | null = null;
    return rows.map((row) => {
      if (last === null && carried !== undefined && carried[0] <= row.time) last = carried[1];
      last = row.cells.get(channel) ?? last;
      return last;
    });
  }

  #rowFor({ channel, time, onArrival }: PlacedReading, rowWindow: number): number {
    for (const row of this.#byTime.get(time) ?? []) if (!this.rows[row]?.cells.has(channel)) return row;
    const last = this.rows[this.#lastArrival];
    if (
      onArrival &&
      last !== undefined &&
      !last.cells.has(channel) &&
      Math.abs(time - last.time) <= rowWindow + ROUNDING
    ) {
      return this.#lastArrival;
    }
    return this.rows.length;
  }
}
