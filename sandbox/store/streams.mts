/** All streams, by data_id. */
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../refusal.mts';
import { readJson } from './files.mts';
import { type RheedOpening, RheedStream } from './rheed.mts';
import type { StreamRecord } from './stream.mts';
import { type TimeseriesOpening, TimeseriesStream } from './timeseries.mts';

export type AnyStream = RheedStream | TimeseriesStream;

export class Streams {
  readonly folder: string;
  readonly #changed: () => void;
  readonly #byId = new Map<string, AnyStream>();

  constructor(folder: string, changed: () => void) {
    this.folder = folder;
    this.#changed = changed;
  }

  async openRheed(name: string, projectId: string | null, opening: RheedOpening): Promise<RheedStream> {
    const record = newRecord('rheed', name, projectId);
    const stream = new RheedStream(this.folder, record, opening, this.#changed);
    await this.#add(stream);
    return stream;
  }

  async openTimeseries(
    name: string | null,
    projectId: string | null,
    opening: Omit<TimeseriesOpening, 'processed_data_id'>,
  ): Promise<TimeseriesStream> {
    const record = newRecord('timeseries', name, projectId);
    const full = { ...opening, processed_data_id: randomUUID() };
    const stream = new TimeseriesStream(this.folder, record, full, this.#changed);
    await this.#add(stream);
    return stream;
  }

  get(id: string): AnyStream | undefined {
    return this.#byId.get(id);
  }

  /** Newest first. */
  list(): AnyStream[] {
    return [...this.#byId.values()].reverse();
  }

  require(id: string): AnyStream {
    const stream = this.#byId.get(id);
    if (!stream) throw new Refusal(404, `no stream with data_id ${id}`);
    return stream;
  }

  rheed(id: string): RheedStream {
    const stream = this.require(id);
    if (!(stream instanceof RheedStream))
      throw new Refusal(404, `${id} is a timeseries stream, expected a RHEED stream`);
    return stream;
  }

  timeseries(id: string): TimeseriesStream {
    const stream = this.require(id);
    if (!(stream instanceof TimeseriesStream)) {
      throw new Refusal(404, `${id} is a RHEED stream, expected a timeseries stream`);
    }
    return stream;
  }

  /** Takes up the streams that an earlier process left in the folder, oldest first. */
  async recall(): Promise<void> {
    const found: AnyStream[] = [];
    for (const entry of await readdir(this.folder, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const stored = (await readJson(join(this.folder, entry.name, 'stream.json'))) as
        | (StreamRecord & { opening: unknown })
        | undefined;
      if (stored?.version !== 1 || stored.data_id !== entry.name) continue;
      const { opening, ...record } = stored;
      const stream =
        record.kind === 'rheed'
          ? new RheedStream(this.folder, record, opening as RheedOpening, this.#changed)
          : new TimeseriesStream(this.folder, record, opening as TimeseriesOpening, this.#changed);
      await stream.recallChunks();
      found.push(stream);
    }
    for (const stream of found.sort((a, b) => a.record.created_at - b.record.created_at)) {
      this.#byId.set(stream.id, stream);
    }
  }

  /** Closes what has been silent for longer than the limit. */
  async closeSilent(limitMs: number): Promise<void> {
    for (const stream of this.#byId.values()) {
      const { last_data_at, created_at } = stream.record;
      if (Date.now() - (last_data_at ?? created_at) > limitMs) await stream.fail();
    }
  }

  /** Forgets and removes every stream, after what it is writing is written. */
  async clear(): Promise<void> {
    const all = [...this.#byId.values()];
    this.#byId.clear();
    await Promise.all(all.map((stream) => stream.discard()));
    this.#changed();
  }

  /** Ends every stream's timer; resolves when nothing is being written. */
  async settle(): Promise<void> {
    await Promise.all([...this.#byId.values()].map((stream) => stream.settle()));
  }

  async #add(stream: AnyStream): Promise<void> {
    this.#byId.set(stream.id, stream);
    await stream.save();
    this.#changed();
  }
}

function newRecord(kind: StreamRecord['kind'], name: string | null, projectId: string | null): StreamRecord {
  return {
    version: 1,
    kind,
    data_id: randomUUID(),
    name,
    project_id: projectId,
    sample_id: null,
    tag_ids: [],
    created_at: Date.now(),
    last_data_at: null,
    ended_at: null,
    closed_at: null,
  };
}
