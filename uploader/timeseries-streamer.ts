import type { Column } from './api/tool-state.js';
import { AtomscaleError } from './errors.js';
import { Streamer, type StreamerOptions } from './streamer.js';
import type { TimeseriesStream } from './timeseries.js';
import type { RawSettings } from './types.js';

export interface TimeseriesStreamerOptions extends StreamerOptions {
  /** Positions that a chunk index stands for: chunkIndex × pointsPerChunk; 100 by default. */
  readonly pointsPerChunk?: number;
}

/** Settings of POST /tool-state/stream/initialize, by the names of the official client in camelCase. */
export interface TimeseriesInitialize {
  readonly streamName?: string;
  /** Growth instrument. */
  readonly synthSourceId?: number;
  readonly physicalSample?: string;
  readonly projectId?: string;
  readonly tags?: readonly string[];
}

/** Timestamps in Unix seconds and their values; NaN is sent as null. */
export interface Channel {
  readonly timestamps: readonly number[];
  readonly values: readonly (number | null)[];
  readonly units?: string;
}

/** Streams sensor readings to Atomscale, in the shape of the official client's `TimeseriesStreamer`. */
export class TimeseriesStreamer extends Streamer<TimeseriesStream> {
  readonly #pointsPerChunk: number | undefined;

  constructor({ pointsPerChunk, ...options }: TimeseriesStreamerOptions = {}) {
    super(options);
    this.#pointsPerChunk = pointsPerChunk;
  }

  /**
   * Opens a stream; resolves to its data_id.
   *
   * @throws SettingsError, ApiError (unknown sample, project or tag; unreachable), AtomscaleError ERR_AUTH
   */
  initialize(settings: TimeseriesInitialize = {}): Promise<string> {
    const complete: RawSettings = {
      ...settings,
      pointsPerChunk: this.#pointsPerChunk,
      fill: 'gap',
      flushInterval: 0,
    };
    return this.open((uploader, owner) => uploader.startTimeseries(owner, complete, {}));
  }

  /**
   * Spools one chunk of one channel as it is given; resolves when it is on disk.
   *
   * @param chunkIndex the same index again replaces the channel's slice
   * @param timestamps Unix seconds
   */
  async push(
    dataId: string,
    chunkIndex: number,
    channel: string,
    timestamps: readonly number[],
    values: readonly (number | null)[],
    units?: string,
  ): Promise<void> {
    const column = checkedColumn(channel, { timestamps, values, ...(units === undefined ? {} : { units }) });
    await this.streamOf(dataId).pushTable(checkedIndex(chunkIndex), { [channel]: column }, true);
  }

  /** Spools one chunk of several channels in one request; a channel without values is left out. */
  async pushMulti(
    dataId: string,
    chunkIndex: number,
    channels: Readonly<Record<string, Channel>>,
  ): Promise<void> {
    const columns: Record<string, Column> = {};
    for (const [name, channel] of Object.entries(channels)) {
      const column = checkedColumn(name, channel);
      if (column.values.length > 0) columns[name] = column;
    }
    const stream = this.streamOf(dataId);
    if (Object.keys(columns).length > 0) await stream.pushTable(checkedIndex(chunkIndex), columns, false);
  }

  /** Pushes one chunk of a channel after the other, counting from 0. */
  async run(
    dataId: string,
    channel: string,
    batches:
      | Iterable<readonly [readonly number[], readonly number[]]>
      | AsyncIterable<readonly [readonly number[], readonly number[]]>,
    units?: string,
  ): Promise<void> {
    let chunkIndex = 0;
    for await (const [timestamps, values] of batches) {
      await this.push(dataId, chunkIndex, channel, timestamps, values, units);
      chunkIndex += 1;
    }
  }
}

function checkedIndex(chunkIndex: number): number {
  if (Number.isInteger(chunkIndex) && chunkIndex >= 0) return chunkIndex;
  throw new AtomscaleError('ERR_VALUE', `chunkIndex: expected a whole number from 0 on, got ${chunkIndex}`);
}

function checkedColumn(name: string, { timestamps, values, units }: Channel): Column {
  if (typeof name !== 'string' || name.length < 1 || name.length > 255) {
    throw new AtomscaleError(
      'ERR_CHANNEL',
      `channel: expected a name of 1 to 255 characters, got ${JSON.stringify(name)}`,
    );
  }
  if (timestamps.length !== values.length) {
    throw new AtomscaleError(
      'ERR_VALUE',
      `channel ${name}: expected as many timestamps as values, got ${timestamps.length} and ${values.length}`,
    );
  }
  if (!timestamps.every((time) => Number.isFinite(time))) {
    throw new AtomscaleError(
      'ERR_VALUE',
      `channel ${name}: expected timestamps in Unix seconds, got one that is not a number`,
    );
  }
  return {
    timestamps: [...timestamps],
    values: values.map((value) => (Number.isFinite(value) ? value : null)),
    ...(units === undefined ? {} : { units }),
  };
}
