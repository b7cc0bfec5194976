/** A timeseries stream: one JSON file a chunk, at fixed positions chunk_index × points_per_chunk. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChannelSummary, PointChunk, Points, StreamSummary } from '../types.mts';
import { readJson, writeJson } from './files.mts';
import { Stream } from './stream.mts';

/** What `POST /tool-state/stream/initialize` said. */
export interface TimeseriesOpening {
  points_per_chunk: number;
  synth_source_id: number | null;
  processed_data_id: string;
}

/** A channel's part of a chunk, as sent. */
export interface ChannelSlice {
  /** Unix seconds. */
  timestamps: number[];
  values: (number | null)[];
  units?: string;
}

/** A chunk's file. */
interface ChunkFile {
  chunk_index: number;
  /** Of its first row in the stream's arrays. */
  position: number;
  channels: Record<string, ChannelSlice>;
}

export class TimeseriesStream extends Stream<PointChunk, TimeseriesOpening> {
  #channels = new Map<string, ChannelSummary>();
  #points = 0;

  get pointsPerChunk(): number {
    return this.opening.points_per_chunk;
  }

  get processedId(): string {
    return this.opening.processed_data_id;
  }

  /** Replaces the named channels' slices of the chunk; gives each channel's points in the whole stream. */
  write(index: number, slices: Record<string, ChannelSlice>, bytes: number): Promise<Record<string, number>> {
    return this.inOrder(async () => {
      const file = this.#file(index);
      const content = ((await readJson(file)) as ChunkFile | undefined) ?? {
        chunk_index: index,
        position: index * this.pointsPerChunk,
        channels: {},
      };
      content.channels = { ...content.channels, ...slices };
      await writeJson(file, content);
      this.#note(content, slices, bytes);
      await this.saveNow();
      return Object.fromEntries(
        Object.keys(slices).map((name) => [name, this.#channels.get(name)?.points ?? 0]),
      );
    });
  }

  /** All that is stored, or the last `chunks` chunks of it. */
  async points(chunks = Number.POSITIVE_INFINITY): Promise<Points> {
    const points: Points = {};
    const indices = this.sortedChunks().map((chunk) => chunk.index);
    for (const index of indices.slice(-Math.min(chunks, indices.length))) {
      const content = JSON.parse(await readFile(this.#file(index), 'utf8')) as ChunkFile;
      for (const [name, slice] of Object.entries(content.channels)) {
        points[name] ??= { units: null, chunks: [], timestamps: [], values: [] };
        const channel = points[name];
        channel.units = slice.units ?? channel.units;
        slice.timestamps.forEach((time, row) => {
          channel.chunks.push(index);
          channel.timestamps.push(time);
          channel.values.push(slice.values[row] ?? null);
        });
      }
    }
    return points;
  }

  /** Takes up what an earlier process stored. */
  async recallChunks(): Promise<void> {
    const stored = (await readJson(join(this.folder, 'chunks.json'))) as
      | { chunks: PointChunk[]; channels: ChannelSummary[] }
      | undefined;
    for (const chunk of stored?.chunks ?? []) this.recall(chunk);
    for (const channel of stored?.channels ?? []) {
      this.#channels.set(channel.name, channel);
      this.#points += channel.points;
    }
  }

  protected override async saveNow(): Promise<void> {
    await super.saveNow();
    await writeJson(join(this.folder, 'chunks.json'), {
      points_per_chunk: this.pointsPerChunk,
      channels: [...this.#channels.values()],
      chunks: this.sortedChunks(),
    });
  }

  protected override details(): Partial<StreamSummary> {
    return {
      points: this.#points,
      points_per_chunk: this.pointsPerChunk,
      synth_source_id: this.opening.synth_source_id,
      channels: [...this.#channels.values()].map((channel) => ({ ...channel })),
    };
  }

  #note(content: ChunkFile, slices: Record<string, ChannelSlice>, bytes: number): void {
    const index = content.chunk_index;
    const former = this.chunks.get(index);
    for (const [name, slice] of Object.entries(slices)) {
      const channel = this.#channels.get(name) ?? {
        name,
        units: null,
        points: 0,
        last_value: null,
        last_time: Number.NEGATIVE_INFINITY,
      };
      const added = slice.timestamps.length - (former?.points[name] ?? 0);
      const time = slice.timestamps.at(-1) as number;
      channel.points += added;
      channel.units = slice.units ?? channel.units;
      if (time >= channel.last_time) {
        channel.last_time = time;
        channel.last_value = slice.values.at(-1) ?? null;
      }
      this.#channels.set(name, channel);
      this.#points += added;
    }
    this.#warnOfAxes(content);
    const all = Object.values(content.channels);
    const rows = Math.max(...all.map((slice) => slice.timestamps.length));
    this.keep(
      {
        index,
        rows,
        points: Object.fromEntries(
          Object.entries(content.channels).map(([name, s]) => [name, s.timestamps.length]),
        ),
        first: Math.min(...all.map((slice) => slice.timestamps[0] as number)),
        last: Math.max(...all.map((slice) => slice.timestamps.at(-1) as number)),
        bytes,
        uploads: (former?.uploads ?? 0) + 1,
        received_at: Date.now(),
      },
      rows - (former?.rows ?? 0),
    );
  }

  /** The service keeps one time axis a chunk: a channel sent on its own with another one would overwrite it. */
  #warnOfAxes({ chunk_index, channels }: ChunkFile): void {
    const [first, ...others] = Object.entries(channels);
    const other = others.find(([, slice]) => !sameAxis(slice.timestamps, first?.[1].timestamps ?? []));
    if (first && other) {
      this.warn(
        `chunk ${chunk_index}: channels ${first[0]} and ${other[0]} came with different timestamps; the service keeps one time axis a chunk`,
      );
    }
  }

  #file(index: number): string {
    return join(this.folder, 'chunks', `${String(index).padStart(6, '0')}.json`);
  }
}

export function sameAxis(a: number[], b: number[]): boolean {
  return a.length === b.length && a.every((time, row) => time === b[row]);
}
