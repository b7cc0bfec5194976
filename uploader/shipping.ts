import type { ApiClient } from './api/client.js';
import { pipelineStatus } from './api/data-entries.js';
import { ChunkQueue } from './chunk-queue.js';
import type { Context } from './context.js';
import type { DeliverySource } from './delivery.js';
import { type AtomscaleError, SpoolError } from './errors.js';
import type { Droppable } from './spool/budget.js';
import { dataFile, discardChunk, quarantineChunk } from './spool/chunk-files.js';
import { type Entry, entryOf, type Sidecar, writeSidecar } from './spool/entry.js';
import type { KeptChunks } from './spool/kept.js';
import type { Quarantine } from './spool/quarantine.js';
import { lose, type RecordFile, type StreamRecord } from './spool/stream-record.js';
import { UnderWay } from './under-way.js';
import { isWhole } from './whole-chunk.js';

/** What a kind of stream knows of its chunks. */
export interface Shipper<S extends Sidecar> {
  /** Sends one sealed chunk; rejects with ApiError, or SpoolError when its files are not whole. */
  deliver(api: ApiClient, dataId: string, chunkIndex: number, sidecar: S): Promise<void>;
  /** True when a delivered chunk is to be sent once more before it is deleted. */
  sentAgainLater(entry: Entry<S>): Promise<boolean>;
  /** An early send of the open chunk, when one is due. */
  takeOpen(now: number): (() => Promise<void>) | undefined;
  /** Index of a chunk that is being sent early. */
  readonly busyIndex: number | null;
}

/** What the stream is told of its delivery. */
export interface ShippingListener {
  /** The stream exists on the service and its links were tried. */
  isDeliverable(): boolean;
  delivered(chunkIndex: number): void;
  dropped(chunkIndex: number): void;
  quarantined(chunkIndex: number, error: AtomscaleError): void;
  /** Whatever was waiting goes on. */
  cameThrough(): void;
  /** @returns milliseconds until the next try */
  waiting(error: unknown): number;
  problem(error: AtomscaleError): void;
  /** A transfer ended: perhaps it was the last. */
  settled(): void;
  /** The service has closed the stream: what waits needs another one. */
  closedByService(): Promise<void>;
}

/** A stream's sealed chunks on their way out of the spool, by the delivery table of docs/reliability.md. */
export class Shipping<S extends Sidecar> implements DeliverySource, Droppable {
  readonly #context: Context;
  readonly #record: RecordFile;
  readonly #held: Quarantine;
  readonly #shipper: Shipper<S>;
  readonly #listener: ShippingListener;
  readonly #chunks = new ChunkQueue<S>();
  /** Delivered chunks that are being taken out of the spool. */
  readonly #leaving = new UnderWay();
  /** Numbers of chunks that a full disk did not let be sealed yet: the stream does not end before they are sent. */
  readonly unsealed = new Set<number>();

  constructor(
    context: Context,
    record: RecordFile,
    quarantine: Quarantine,
    shipper: Shipper<S>,
    listener: ShippingListener,
  ) {
    this.#context = context;
    this.#record = record;
    this.#held = quarantine;
    this.#shipper = shipper;
    this.#listener = listener;
  }

  /** Chunks that wait or are under way. */
  get size(): number {
    return this.#chunks.size + this.unsealed.size;
  }

  /** Frames or points in them. */
  get items(): number {
    return this.#chunks.items;
  }

  get isIdle(): boolean {
    return this.size === 0 && this.#chunks.inFlight === 0 && this.#leaving.count === 0;
  }

  /** Resolves when what was delivered is out of the spool. */
  cleared(): Promise<void> {
    return this.#leaving.none();
  }

  *sidecars(): IterableIterator<S> {
    for (const { sidecar } of this.#chunks) yield sidecar;
  }

  /** Adds a chunk that was found at start: its checksum is compared before it is sent. */
  addFound(sidecar: S): void {
    this.#add(entryOf(sidecar));
  }

  /** Adds a chunk that was sealed now. `hostClock`: when it was stamped. */
  add(sidecar: S, hostClock: number): void {
    this.#add(entryOf(sidecar, hostClock));
  }

  #add(entry: Entry<S>): void {
    this.#chunks.add(entry);
    this.#context.budget.change(entry.sidecar.bytes);
    this.#context.delivery.wake();
  }

  /** After a restart: tries no sooner than it would have without. */
  resume(failures: number, wait: number): void {
    this.#chunks.resume(failures, wait);
  }

  /** Everything may be tried at once: another stream takes over. */
  reset(): void {
    this.#chunks.reset();
  }

  take(now: number): (() => Promise<void>) | undefined {
    if (!this.#listener.isDeliverable()) return undefined;
    const entry = this.#chunks.next(now, this.#shipper.busyIndex);
    const transfer = entry === undefined ? this.#takeOpen(now) : () => this.#transfer(entry);
    if (transfer === undefined) return undefined;
    if (entry !== undefined) entry.inFlight = true;
    this.#chunks.began();
    return async () => {
      try {
        await transfer();
      } finally {
        this.#chunks.ended();
        this.#listener.settled();
      }
    };
  }

  dueAt(): number {
    return this.#listener.isDeliverable()
      ? this.#chunks.dueAt(this.#shipper.busyIndex)
      : Number.POSITIVE_INFINITY;
  }

  oldest(): number | undefined {
    return this.#oldestIdle()?.sealedAt;
  }

  *underWay(): Iterable<number> {
    for (const { inFlight, sidecar } of this.#chunks) if (inFlight) yield sidecar.bytes;
  }

  async dropOldest(): Promise<void> {
    const entry = this.#oldestIdle();
    if (entry === undefined) return;
    const { chunk_index } = entry.sidecar;
    await this.#settle(entry, undefined, (data) => lose(data, chunk_index, 'dropped: the spool was full'));
    this.#listener.dropped(chunk_index);
    this.#listener.settled();
  }

  /** A transfer got through. */
  succeeded(): void {
    this.#chunks.succeeded();
    this.#listener.cameThrough();
  }

  /**
   * Deals with a failed transfer.
   *
   * @param entry undefined for an early send
   * @param dataId of the stream that it was meant for
   */
  async failed(entry: Entry<S> | undefined, dataId: string, error: unknown): Promise<void> {
    const { access, api, closing } = this.#context;
    if (closing.aborted || dataId !== this.#record.generation.data_id) return;
    if (error instanceof SpoolError && entry !== undefined) return this.#quarantine(entry, error);
    const verdict = await access.verdict(error);
    if (verdict === 'unauthorized') return access.pause(error as AtomscaleError);
    if (verdict === 'transient') return this.#later(entry, error);
    try {
      const status = await pipelineStatus(api, dataId);
      // Another chunk's refusal may have brought the continuation meanwhile.
      if (dataId !== this.#record.generation.data_id) return;
      if (status === 'stream_error') return await this.#listener.closedByService();
    } catch (unanswered) {
      return this.#later(entry, unanswered);
    }
    if (entry === undefined) this.#chunks.failed(undefined, error);
    else await this.#quarantine(entry, error as AtomscaleError);
  }

  #takeOpen(now: number): (() => Promise<void>) | undefined {
    return this.#chunks.isOpen(now) ? this.#shipper.takeOpen(now) : undefined;
  }

  async #transfer(entry: Entry<S>): Promise<void> {
    const { data_id, base } = this.#record.generation;
    const dataId = data_id as string;
    try {
      await this.#send(entry, dataId, entry.sidecar.chunk_index - base);
    } catch (error) {
      await this.failed(entry, dataId, error).catch((failure: unknown) => {
        this.#chunks.failed(entry, failure);
        this.#listener.problem(failure as AtomscaleError);
      });
    } finally {
      entry.inFlight = false;
    }
  }

  async #send(entry: Entry<S>, dataId: string, chunkIndex: number): Promise<void> {
    const { sidecar } = entry;
    await this.#fixClock(entry);
    if (entry.unverified && !(await isWhole(this.#record.folder, sidecar))) {
      const path = dataFile(this.#record.folder, sidecar);
      throw new SpoolError('ERR_SPOOL', path, `${path}: the checksum does not hold, damaged on disk`);
    }
    entry.unverified = false;
    await this.#shipper.deliver(this.#context.api, dataId, chunkIndex, sidecar);
    this.succeeded();
    if (await this.#shipper.sentAgainLater(entry)) return;
    this.#leave(entry, chunkIndex);
  }

  /** Takes a delivered chunk out of the spool. That needs the disk alone: its place goes to the next one at once. */
  #leave(entry: Entry<S>, chunkIndex: number): void {
    this.#leaving.began();
    const settled = this.#settle(entry, this.#context.kept, (data) => {
      data.counts.uploaded += 1;
      data.counts.bytes += entry.sidecar.bytes;
      data.last_upload = Date.now();
    });
    void settled.then(() => {
      this.#leaving.ended();
      this.#listener.delivered(chunkIndex);
      this.#listener.settled();
    });
  }

  /** The correction is fixed at the first send and kept, so that a repeat is identical. */
  async #fixClock({ sidecar, hostClock }: Entry<S>): Promise<void> {
    if (sidecar.clock !== undefined) return;
    await this.#context.clock.compared();
    sidecar.clock = this.#context.clock.correction(hostClock) ?? null;
    // A disk that takes nothing more, full or read-only, is no reason to keep on it what could leave.
    await writeSidecar(this.#record.folder, sidecar).catch((error: unknown) =>
      this.#context.log.debug(`chunk ${sidecar.number}: ${(error as Error).message}`),
    );
  }

  #later(entry: Entry<S> | undefined, error: unknown): void {
    this.#chunks.failed(entry, error, this.#listener.waiting(error));
  }

  /** @param kept where the chunk goes; undefined: it is deleted */
  async #settle(
    entry: Entry<S>,
    kept: KeptChunks | undefined,
    change: (data: StreamRecord) => void,
  ): Promise<void> {
    const { budget } = this.#context;
    const { bytes } = entry.sidecar;
    this.#chunks.remove(entry);
    budget.change(-bytes);
    try {
      await budget.frees(bytes, discardChunk(this.#record, entry.sidecar, kept, change));
    } catch (error) {
      // What stays on disk is named in the record, or is sent again after a restart: nothing is lost by it.
      this.#listener.problem(error as AtomscaleError);
    }
  }

  async #quarantine(entry: Entry<S>, error: AtomscaleError): Promise<void> {
    await quarantineChunk(this.#record, this.#held, entry.sidecar, error);
    this.#chunks.remove(entry);
    this.#context.budget.change(-entry.sidecar.bytes);
    this.#listener.quarantined(entry.sidecar.chunk_index, error);
  }

  #oldestIdle(): Entry<S> | undefined {
    for (const entry of this.#chunks) if (!entry.inFlight) return entry;
    return undefined;
  }
}
