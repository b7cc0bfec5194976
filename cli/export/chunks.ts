import { readSidecar } from '../../uploader/spool/entry.js';
import { FrameReader } from '../../uploader/spool/frame-reader.js';
import { RowsReader } from '../../uploader/timeseries/rows-reader.js';
import type { Account, StreamFolder } from '../spool.js';
import { lookAt } from '../steady.js';
import {
  type ChunkReader,
  closeChunk,
  openChunk,
  type Place,
  quarantineOf,
  type StoredChunk,
  storedChunks,
} from '../stored-chunks.js';

export interface DamagedChunk {
  readonly chunk: number;
  readonly from: Place;
  readonly detail: string;
  /** Frames, or records, of it that were exported all the same. */
  readonly exported: number;
  /** Each of those has a checksum of its own that holds; else what was exported may be changed. */
  readonly certain: boolean;
}

/** First and last index, and why they are not here. */
export type MissingChunks = readonly [first: number, last: number, why: string];

export interface OpenedChunk<R extends ChunkReader> {
  readonly index: number;
  readonly place: Place;
  readonly reader: R;
  /** The first frame, or record, to export: those before it are in the chunk that recovery made of them. */
  readonly from: number;
  readonly isWhole: boolean;
}

/** The chunks of a stream for its export, in the order of their indexes; what was left out is noted. */
export class ExportChunks {
  readonly stream: StreamFolder;
  readonly damaged: DamagedChunk[] = [];
  readonly #account: Account;
  readonly #withQuarantine: boolean;
  readonly #chunks: readonly { index: number; chunk: StoredChunk }[];
  readonly #seen = new Set<number>();
  readonly #growing = new Map<StoredChunk, RowsReader>();

  private constructor(
    account: Account,
    stream: StreamFolder,
    withQuarantine: boolean,
    chunks: readonly { index: number; chunk: StoredChunk }[],
  ) {
    this.#account = account;
    this.stream = stream;
    this.#withQuarantine = withQuarantine;
    this.#chunks = chunks;
  }

  static async of(account: Account, stream: StreamFolder, withQuarantine: boolean): Promise<ExportChunks> {
    const chunks: { index: number; chunk: StoredChunk }[] = [];
    for (const chunk of await storedChunks(stream)) {
      if (chunk.place === 'quarantine' && !withQuarantine) continue;
      const index = await indexOf(stream, chunk);
      if (index !== undefined) chunks.push({ index, chunk });
    }
    chunks.sort((one, other) => one.index - other.index || one.chunk.number - other.chunk.number);
    return new ExportChunks(account, stream, withQuarantine, chunks);
  }

  get size(): number {
    return this.#chunks.length;
  }

  frames(): AsyncGenerator<OpenedChunk<FrameReader>> {
    return this.#each((reader): reader is FrameReader => reader instanceof FrameReader);
  }

  /** The same each time, though an open chunk may grow meanwhile. */
  rows(): AsyncGenerator<OpenedChunk<RowsReader>> {
    return this.#each((reader): reader is RowsReader => !(reader instanceof FrameReader));
  }

  /** Indexes from 0 on of chunks that are not here. */
  async missing(): Promise<MissingChunks[]> {
    const reasons = new Map<number, string>();
    for (const [first, last, why] of this.stream.record?.lost ?? [])
      for (let index = first; index <= last; index += 1) reasons.set(index, why);
    if (!this.#withQuarantine) {
      for (const { chunk_index, reason } of (await quarantineOf(this.stream)).chunks)
        reasons.set(chunk_index, `in quarantine: ${reason}`);
    }
    const end = Math.max(-1, ...this.#seen, ...reasons.keys());
    const runs: [number, number, string][] = [];
    for (let index = 0; index <= end; index += 1) {
      if (this.#seen.has(index)) continue;
      const why = reasons.get(index) ?? 'not here: delivered, and not kept';
      const last = runs.at(-1);
      if (last?.[1] === index - 1 && last[2] === why) last[1] = index;
      else runs.push([index, index, why]);
    }
    return runs;
  }

  /** Recovery leaves a damaged open chunk in quarantine as it was found, beside what it could keep of it. */
  #isCopy({ number, place }: StoredChunk): boolean {
    const isKept = (other: StoredChunk): boolean => other.number === number && other.place !== 'quarantine';
    return place === 'quarantine' && this.#chunks.some(({ chunk }) => isKept(chunk));
  }

  async *#each<R extends ChunkReader>(
    isWanted: (reader: ChunkReader) => reader is R,
  ): AsyncGenerator<OpenedChunk<R>> {
    this.damaged.length = 0;
    for (const { index, chunk } of this.#chunks) {
      const known = this.#growing.get(chunk);
      const looked = known
        ? { reader: known, check: known.check() }
        : await lookAt(this.#account, this.stream, chunk);
      if (looked === 'gone') continue;
      if (looked === 'missing') {
        this.#seen.add(index);
        this.damaged.push({
          chunk: index,
          from: chunk.place,
          detail: 'its data is missing',
          exported: 0,
          certain: true,
        });
        continue;
      }
      const { reader, check } = looked;
      if (chunk.place === 'open' && reader instanceof RowsReader) this.#growing.set(chunk, reader);
      try {
        if (!isWanted(reader)) continue;
        const { verdict, detail } = check;
        const from = this.#isCopy(chunk) ? check.before : 0;
        const held = check.held - from;
        this.#seen.add(index);
        if (verdict === 'damaged')
          this.damaged.push({
            chunk: index,
            from: chunk.place,
            detail,
            exported: held,
            certain: isCertain(reader),
          });
        if (held > 0) yield { index, place: chunk.place, reader, from, isWhole: verdict === 'whole' };
      } finally {
        await closeChunk(reader);
      }
    }
  }
}

const isCertain = (reader: ChunkReader): boolean =>
  reader instanceof RowsReader || reader.places.every((place) => place?.crc !== null);

/** Undefined when the chunk is gone. */
async function indexOf(stream: StreamFolder, chunk: StoredChunk): Promise<number | undefined> {
  const sidecar = await readSidecar(chunk.folder, chunk.number);
  if (sidecar !== undefined) return sidecar.chunk_index;
  const reader = await openChunk(stream, chunk);
  if (reader === undefined) return chunk.place === 'open' ? undefined : chunk.number;
  await closeChunk(reader);
  return reader.chunkIndex ?? chunk.number;
}
