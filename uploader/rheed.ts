import { stat } from 'node:fs/promises';
import type { ApiClient } from './api/client.js';
import { endRheedStream, presignChunk, putShard } from './api/rheed.js';
import { hostClock, jumpBetween } from './clock.js';
import type { Context } from './context.js';
import { SpoolError } from './errors.js';
import {
  type ChunkPart,
  type ChunkWriter,
  coded,
  native,
  type PushResult,
  type SealedChunk,
} from './native.js';
import { rheedSettings } from './settings.js';
import { dataFile } from './spool/chunk-files.js';
import { type RheedSidecar, readSidecar } from './spool/entry.js';
import { numbered } from './spool/files.js';
import type { RecordFile } from './spool/stream-record.js';
import { type Remainder, Stream } from './stream.js';
import type { FrameBatch, RawSettings, RheedSettings } from './types.js';

/** What became of the frames of a call; what is in it says `PushResult`. */
export type Accepted = Pick<PushResult, 'frames' | 'clipped' | 'sampleBits'>;

/** Frames of one camera on their way: through the native writer into chunks on disk, then to the service. */
export class RheedStream extends Stream<RheedSidecar> {
  readonly kind = 'rheed';
  #writer: ChunkWriter | undefined;
  #nextNumber: number;
  #dirty = false;
  /** Pushes and seals whose chunks are not queued yet. */
  #underWay = 0;
  /** The host's clock at the last push. */
  #hostClock = hostClock();
  /** Numbers of the chunks that are queued, or were. */
  readonly #taken = new Set<number>();

  constructor(context: Context, record: RecordFile, remainder: Remainder<RheedSidecar>) {
    super(context, record, remainder);
    this.#nextNumber = record.data.next_number;
  }

  /**
   * Takes frames; resolves when they are in the open chunk on disk. The bytes are copied during the call,
   * unless they are lent.
   *
   * @param part null: the frames flow into the open chunk; else they are that chunk, or that part of it
   * @throws AtomscaleError ERR_FRAME_SHAPE, ERR_FRAME_FORMAT, ERR_VALUE, ERR_OVERLOAD, ERR_SPOOL, ERR_SPOOL_FULL
   */
  async push(batch: FrameBatch, part: ChunkPart | null = null): Promise<Accepted> {
    this.admit();
    if (part !== null) this.admitIndex(part.chunkIndex);
    const [before, now] = [this.#hostClock, hostClock()];
    this.#hostClock = now;
    this.#underWay += 1;
    let result: PushResult;
    try {
      result = await coded(this.folder, () => this.#push(batch, part));
      const { data } = this.record;
      data.height = result.height;
      data.width = result.width;
      // The writer ends a chunk where stamps jump: the first one here is of before.
      const [first, ...others] = result.sealed;
      if (first !== undefined) await this.#take([first], jumpBetween(before, now) === 0 ? now : before);
      await this.#take(others, now);
    } catch (error) {
      this.refusedByDisk(error);
      throw error;
    } finally {
      this.#underWay -= 1;
    }
    const { frames, clipped, sampleBits } = result;
    await this.accepted(frames);
    return { frames, clipped, sampleBits };
  }

  /** What its chunks are made by. */
  get rules(): RheedSettings {
    return rheedSettings(this.settings);
  }

  async flush(): Promise<void> {
    await this.seal();
  }

  override async adopt(settings: RawSettings, editor: RawSettings): Promise<void> {
    await super.adopt(settings, editor);
    this.#writer?.setCompression(String(rheedSettings(settings).compression));
  }

  async sync(): Promise<void> {
    if (!this.#dirty) return;
    this.#dirty = false;
    await coded(this.folder, () => this.#writer?.sync());
  }

  async openBytes(): Promise<number> {
    if (this.openItems === 0) return 0;
    const open = await stat(numbered(this.folder, this.#nextNumber, 'part')).catch(() => undefined);
    return open?.size ?? 0;
  }

  protected get openItems(): number {
    return this.#writer?.openFrames ?? 0;
  }

  protected get openIsSent(): boolean {
    return this.openItems === 0 && this.#underWay === 0;
  }

  protected get openNumber(): number | undefined {
    return this.openItems === 0 ? undefined : this.#nextNumber;
  }

  protected get openChunkIndex(): number {
    return this.#nextNumber;
  }

  protected async seal(): Promise<void> {
    this.#underWay += 1;
    try {
      const sealed = await coded(this.folder, () => this.#writer?.seal() ?? null);
      if (sealed === null) return;
      await this.#take([sealed], this.#hostClock);
      // It answers the oldest of those that a failed call has left untold.
      await this.#takeUnreported();
    } finally {
      this.#underWay -= 1;
    }
  }

  protected async closeFiles(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await coded(this.folder, () => writer?.close());
  }

  async deliver(api: ApiClient, dataId: string, chunkIndex: number, sidecar: RheedSidecar): Promise<void> {
    const { frames, height, width, start_ms, clock, bytes, number } = sidecar;
    const file = dataFile(this.folder, { kind: 'rheed', number });
    const found = await stat(file).catch(() => undefined);
    if (found?.size !== bytes) {
      throw new SpoolError(
        'ERR_SPOOL',
        file,
        `${file}: expected ${bytes} bytes, found ${found?.size ?? 'no file'}`,
      );
    }
    const facts = {
      dataId,
      chunkIndex,
      frames,
      height,
      width,
      startMs: Math.trunc(start_ms) + (clock?.offsetMs ?? 0),
      ...(clock ? { clock } : {}),
    };
    const url = await presignChunk(api, facts, this.rules);
    await putShard(api, url, file, bytes);
  }

  protected endOnService(api: ApiClient, dataId: string): Promise<void> {
    return endRheedStream(api, dataId);
  }

  #push(batch: FrameBatch, part: ChunkPart | null): Promise<PushResult> {
    this.#writer ??= this.#openWriter();
    this.#dirty = true;
    const stamps = Float64Array.from(batch.stamps);
    return this.#writer.push([...batch.parts], batch.spec, stamps, Date.now(), part);
  }

  #openWriter(): ChunkWriter {
    const { height, width } = this.record.data;
    const { fps, chunkSize, compression } = this.rules;
    const { ChunkWriter: Writer } = native();
    return new Writer({
      folder: this.folder,
      nextNumber: this.#nextNumber,
      chunkSize,
      fps,
      compression: String(compression),
      height,
      width,
    });
  }

  async #takeUnreported(): Promise<void> {
    for (let number = this.#nextNumber; ; number += 1) {
      const shard = await stat(dataFile(this.folder, { kind: 'rheed', number })).catch(() => undefined);
      if (shard === undefined) return;
      await this.#take([{ number }], this.#hostClock);
    }
  }

  /** The native writer has written the sidecars. A chunk found before it was told is not taken twice. */
  async #take(chunks: readonly Pick<SealedChunk, 'number'>[], stamped: number): Promise<void> {
    const fresh = chunks.filter(({ number }) => !this.#taken.has(number));
    for (const { number } of fresh) {
      this.#taken.add(number);
      this.#nextNumber = Math.max(this.#nextNumber, number + 1);
    }
    for (const { number } of fresh) {
      const sidecar = await readSidecar(this.folder, number);
      if (sidecar?.kind !== 'rheed') {
        throw new SpoolError(
          'ERR_SPOOL',
          numbered(this.folder, number, 'json'),
          `chunk ${number}: its sidecar cannot be read back`,
        );
      }
      this.sealed(sidecar, stamped);
    }
  }
}
