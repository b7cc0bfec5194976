/** What RHEED and timeseries streams have in common: who they belong to, their life, their chunks. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../refusal.mts';
import type {
  FrameChunk,
  NamedItem,
  PipelineStatus,
  PointChunk,
  Seed,
  StreamState,
  StreamSummary,
} from '../types.mts';
import { writeJson } from './files.mts';

/** How long a stream shows `stream_finalizing` after its end. */
const FINALIZING_MS = 1000;
const MAX_WORDS = 200;
/** Arrivals over which the rate is measured. */
const RATE_WINDOW = 10;

/** `stream.json`: all that is kept of a stream beside its chunks. */
export interface StreamRecord {
  version: 1;
  kind: StreamSummary['kind'];
  data_id: string;
  name: string | null;
  project_id: string | null;
  sample_id: string | null;
  tag_ids: string[];
  created_at: number;
  last_data_at: number | null;
  ended_at: number | null;
  /** When the service gave up on it. */
  closed_at: number | null;
}

type ChunkRecord = FrameChunk | PointChunk;

export abstract class Stream<Chunk extends ChunkRecord, Extra extends object> {
  readonly record: StreamRecord;
  readonly folder: string;
  readonly complaints: string[] = [];
  readonly warnings: string[] = [];
  /** By index. */
  readonly chunks = new Map<number, Chunk>();
  protected readonly opening: Extra;
  readonly #changed: () => void;
  #revision = 0;
  #bytes = 0;
  #arrivals: { at: number; amount: number }[] = [];
  #discarded = false;
  #finalizing: NodeJS.Timeout | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(folder: string, record: StreamRecord, opening: Extra, changed: () => void) {
    this.folder = join(folder, record.data_id);
    this.record = record;
    this.opening = opening;
    this.#changed = changed;
  }

  get id(): string {
    return this.record.data_id;
  }

  get status(): PipelineStatus {
    if (this.record.ended_at !== null) {
      return Date.now() - this.record.ended_at < FINALIZING_MS ? 'stream_finalizing' : 'finished';
    }
    return this.record.closed_at === null ? 'stream_active' : 'stream_error';
  }

  /**
   * Throws the service's 409 when the stream takes no more data. That is no breach of a client that has gone: its call
   * may have been on the way (or held by a fault) while the next process sent the chunk again and ended the stream.
   */
  requireActive(clientIsGone: boolean): void {
    if (this.status === 'stream_error') {
      throw new Refusal(409, `stream ${this.id} was closed by the service (stream_error)`, {
        violation: false,
      });
    }
    if (this.record.ended_at !== null)
      throw new Refusal(409, `stream ${this.id} has ended; it takes no more data`, {
        violation: !clientIsGone,
      });
  }

  /** The client ends the stream; a second end is answered 409, which a client that lost the first answer may meet. */
  async end(): Promise<void> {
    if (this.status !== 'stream_active') {
      throw new Refusal(409, `stream ${this.id} has ended already (${this.status})`, { violation: false });
    }
    this.record.ended_at = Date.now();
    this.#finalizing = setTimeout(() => this.touch(), FINALIZING_MS + 50);
    this.touch();
    await this.save();
  }

  /** The service gives the stream up. */
  async fail(): Promise<void> {
    if (this.status !== 'stream_active') return;
    this.record.closed_at = Date.now();
    this.touch();
    await this.save();
  }

  complain(text: string): void {
    this.complaints.push(text);
    if (this.complaints.length > MAX_WORDS) this.complaints.shift();
    this.touch();
  }

  warn(text: string): void {
    if (this.warnings.includes(text)) return;
    this.warnings.push(text);
    if (this.warnings.length > MAX_WORDS) this.warnings.shift();
    this.touch();
  }

  touch(): void {
    this.#revision += 1;
    this.#changed();
  }

  /** One after the other, so that files of a stream are never written by two at once. */
  inOrder<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => {
      if (this.#discarded) throw new Refusal(404, `stream ${this.id} was removed`, { violation: false });
      return task();
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Removes the stream's files after what is being written; later writes are refused. */
  async discard(): Promise<void> {
    clearTimeout(this.#finalizing);
    await this.inOrder(async () => {
      this.#discarded = true;
      await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
    });
  }

  /** Ends its timer and resolves when nothing is being written. */
  async settle(): Promise<void> {
    clearTimeout(this.#finalizing);
    await this.#tail;
  }

  save(): Promise<void> {
    return this.inOrder(() => this.saveNow());
  }

  summary(seed: Seed): StreamSummary {
    const { record } = this;
    return {
      data_id: record.data_id,
      kind: record.kind,
      name: record.name,
      pipeline_status: this.status,
      sample: find(seed.samples, record.sample_id),
      project: find(seed.projects, record.project_id),
      tags: record.tag_ids.map((id) => find(seed.tags, id)).filter((tag) => tag !== null),
      created_at: record.created_at,
      last_data_at: record.last_data_at,
      ended_at: record.ended_at,
      chunk_count: this.chunks.size,
      missing: missingRanges([...this.chunks.keys()]),
      bytes: this.#bytes,
      rate: this.#rate(),
      revision: this.#revision,
      complaint_count: this.complaints.length,
      ...this.details(),
    };
  }

  state(seed: Seed): StreamState {
    return {
      ...this.summary(seed),
      chunks: this.sortedChunks(),
      complaints: [...this.complaints],
      warnings: [...this.warnings],
    };
  }

  sortedChunks(): Chunk[] {
    return [...this.chunks.values()].sort((a, b) => a.index - b.index);
  }

  /** Notes an arrived chunk; `amount` = new frames or rows. */
  protected keep(chunk: Chunk, amount: number): void {
    this.#bytes += chunk.bytes - (this.chunks.get(chunk.index)?.bytes ?? 0);
    this.chunks.set(chunk.index, chunk);
    if (amount > 0) this.#arrivals.push({ at: Date.now(), amount });
    if (this.#arrivals.length > RATE_WINDOW) this.#arrivals.shift();
    this.record.last_data_at = Date.now();
    this.touch();
  }

  /** Takes up a chunk that an earlier process stored. */
  protected recall(chunk: Chunk): void {
    this.#bytes += chunk.bytes;
    this.chunks.set(chunk.index, chunk);
  }

  protected async saveNow(): Promise<void> {
    await writeJson(join(this.folder, 'stream.json'), { ...this.record, opening: this.opening });
  }

  protected abstract details(): Partial<StreamSummary>;

  /** Amount a second between the first and the last of the latest arrivals; 0 once they have stopped. */
  #rate(): number {
    const first = this.#arrivals[0];
    const last = this.#arrivals.at(-1);
    if (!first || !last || last.at === first.at || this.status !== 'stream_active') return 0;
    const span = last.at - first.at;
    if (Date.now() - last.at > Math.max(5000, (3 * span) / (this.#arrivals.length - 1))) return 0;
    const amount = this.#arrivals.slice(1).reduce((sum, arrival) => sum + arrival.amount, 0);
    return (amount * 1000) / span;
  }
}

/** Runs of indices below the highest that are not there, as [first, last]. */
export function missingRanges(present: number[]): [number, number][] {
  const ranges: [number, number][] = [];
  let next = 0;
  for (const index of present.sort((a, b) => a - b)) {
    if (index > next) ranges.push([next, index - 1]);
    next = index + 1;
  }
  return ranges;
}

function find(items: NamedItem[], id: string | null): NamedItem | null {
  if (id === null) return null;
  const item = items.find((candidate) => candidate.id === id);
  return item ? { ...item } : { id, name: id };
}
