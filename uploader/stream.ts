import { rm, stat } from 'node:fs/promises';
import type { ApiClient } from './api/client.js';
import { sleep } from './backoff.js';
import type { Context } from './context.js';
import { continueFrom } from './continuation.js';
import { endOnService } from './ending.js';
import { AtomscaleError, SpoolError } from './errors.js';
import { Opening } from './opening.js';
import { Sealing } from './sealing.js';
import { differing } from './settings.js';
import { type Shipper, Shipping } from './shipping.js';
import type { Entry, Sidecar } from './spool/entry.js';
import { numbered } from './spool/files.js';
import { Quarantine, type QuarantinedChunk } from './spool/quarantine.js';
import type { RecordFile } from './spool/stream-record.js';
import { StreamState } from './stream-state.js';
import type { RawSettings } from './types.js';

/** What a recovered stream brings along from its folder. */
export interface Remainder<S extends Sidecar> {
  readonly sidecars: readonly S[];
  readonly problems: readonly SpoolError[];
  /** Numbers of open chunks that are to be sealed once the disk has room. */
  readonly unsealed: readonly number[];
  readonly quarantine: Quarantine;
}

/** That of a new stream. */
export const nothing = (folder: string) => ({
  sidecars: [],
  problems: [],
  unsealed: [],
  quarantine: new Quarantine(folder),
});

/**
 * One stream from its first message to the service's acknowledgement of its end. Opening and finalizing are
 * intents in its record: they survive a restart, like the chunks.
 */
export abstract class Stream<S extends Sidecar = Sidecar> extends StreamState implements Shipper<S> {
  readonly shipping: Shipping<S>;
  readonly #opening: Opening;
  readonly #sealing: Sealing<S>;
  #ending: Promise<void> | undefined;
  #closed = false;
  #drained = true;
  #continuing: Promise<void> | undefined;
  /** Chunks are on their way back from the quarantine. */
  #returning = false;

  constructor(context: Context, record: RecordFile, remainder: Remainder<S>) {
    super(context, record, remainder.quarantine);
    this.shipping = new Shipping(context, record, this.quarantine, this, {
      isDeliverable: () => this.#deliverable(),
      delivered: (index) => this.tellStatus('chunk', index),
      dropped: (index) => this.tellStatus('dropped', index),
      quarantined: (index, error) => this.quarantined(index, error),
      cameThrough: () => this.cameThrough(),
      waiting: (error) => this.waiting(error),
      problem: (error) => this.tell('problem', error),
      settled: () => this.#settled(),
      closedByService: () => this.#continue(),
    });
    this.shipping.resume(this.trouble.failures, this.trouble.rest);
    for (const sidecar of remainder.sidecars) this.shipping.addFound(sidecar);
    for (const number of remainder.unsealed) this.shipping.unsealed.add(number);
    for (const problem of remainder.problems) this.tell('problem', problem);
    this.#sealing = new Sealing(record, this.quarantine, this.shipping, {
      seal: () => this.seal(),
      takenUp: () => {
        this.#drained = false;
      },
      sealed: () => this.#endIfDone(),
      waiting: (error) => this.waiting(error),
      problem: (error) => this.tell('problem', error),
    });
    this.#opening = new Opening(context, record, this.trouble, {
      opened: () => this.opened(),
      failed: (error) => this.failed(error),
      waiting: (error) => this.waiting(error),
      problem: (error) => this.tell('problem', error),
      linked: () => {
        context.delivery.wake();
        this.#endIfDone();
      },
    });
  }

  protected get waitingChunks() {
    return { chunks: this.shipping.size, items: this.shipping.items };
  }

  /** True when nothing of the open chunk waits for the service. */
  protected abstract get openIsSent(): boolean;
  /** Number of the open chunk, when there is one. */
  protected abstract get openNumber(): number | undefined;
  /** Index that the open chunk has or would have. */
  protected abstract get openChunkIndex(): number;
  abstract deliver(api: ApiClient, dataId: string, chunkIndex: number, sidecar: S): Promise<void>;
  protected abstract endOnService(api: ApiClient, dataId: string): Promise<void>;
  /** Seals what is open. */
  protected abstract seal(): Promise<void>;
  /** Brings the open chunk to the disk platter. */
  abstract sync(): Promise<void>;
  /** Bytes of the open chunk's files. */
  abstract openBytes(): Promise<number>;
  /** Syncs and lets the files go; nothing is sealed. */
  protected abstract closeFiles(): Promise<void>;

  /** Begins, or goes on after a restart: what the record wants is done. */
  resume(): void {
    if (!this.record.data.begun) return;
    this.context.delivery.add(this.shipping);
    this.#opening.start();
    if (!this.open) void this.#sealing.end();
  }

  /** An explicit start, or the first accepted data: from now on the service is told. */
  async begin(): Promise<void> {
    if (this.record.data.begun) return;
    try {
      await this.record.update((data) => {
        data.begun = true;
      });
    } catch (error) {
      // Data in the spool begins the stream after a restart as well; without any it was not begun.
      if (this.openItems === 0 && this.shipping.size === 0) {
        this.record.data.begun = false;
        throw error;
      }
      this.waiting(error);
    }
    this.announce();
    this.resume();
  }

  /** Names of the settings told to the service that differ. */
  differs(settings: RawSettings): string[] {
    return differing(this.kind, this.settings, settings);
  }

  /** Sends or seals what is open, at once. */
  abstract flush(): Promise<void>;

  /** Ends the stream once all is delivered; resolves when that intent is on disk. */
  async finalize(): Promise<void> {
    if (!this.open) return;
    await this.record.update((data) => {
      data.finalize = 'wanted';
    });
    this.watch.stopped();
    await this.#sealing.end();
    if (!this.record.data.begun) await this.#ending;
  }

  /** The editor's settings were corrected or changed where only this side uses them. */
  async adopt(settings: RawSettings, editor: RawSettings): Promise<void> {
    await this.record.update((data) => {
      data.settings = { ...settings };
      data.editor = { ...editor };
      const { streamName } = settings;
      if (this.dataId === null)
        this.record.generation.name = typeof streamName === 'string' && streamName !== '' ? streamName : null;
    });
    this.#opening.retry();
  }

  /** Gives up a stream that holds no data: nothing more is told to the service. */
  async discard(): Promise<void> {
    this.context.delivery.remove(this.shipping);
    this.#opening.stop();
    await this.#markDone();
    await this.#remove();
  }

  /**
   * Puts chunks from the quarantine back among those that wait.
   *
   * @throws AtomscaleError ERR_ACTION when that stream on the service takes no more: at the end, or continued
   */
  async retryQuarantined(chunks: readonly QuarantinedChunk[]): Promise<void> {
    const { base } = this.record.generation;
    const early = chunks.find(({ chunk_index }) => chunk_index < base);
    if (early !== undefined || this.#ending !== undefined) {
      const what =
        early === undefined
          ? 'the stream is just being ended'
          : `chunk ${early.chunk_index} is of a stream that was continued`;
      throw new AtomscaleError(
        'ERR_ACTION',
        `${what}: expected one that takes chunks; retry when this stream is finalized`,
      );
    }
    // The folder must not go in between.
    this.#returning = true;
    try {
      for (const { number } of chunks) {
        await this.quarantine.takeBack(number);
        await this.#sealing.takeUp(number);
      }
    } finally {
      this.#returning = false;
      this.#endIfDone();
    }
  }

  /** Once a second: the rate, the silence, the idle end. */
  tick(): void {
    const { settings, finalize } = this.record.data;
    const fps = Number(settings.fps) || undefined;
    if (this.watch.tick(performance.now(), fps) && this.open) this.tellStatus('silent');
    const idle = Number(settings.idleTimeout) * 1000;
    if (this.open && this.record.data.begun && idle > 0 && this.watch.quietFor() >= idle) {
      this.finalize().catch((error: unknown) => this.tell('problem', error as AtomscaleError));
    }
    if (finalize === 'wanted') void this.#sealing.end();
    if (!this.#closed) this.#sealing.remainder();
    // Had the disk or an answer ended it, it goes on here.
    if (this.record.data.begun && !this.refused && !this.#opening.isLinked) this.#opening.start();
  }

  /** Lets go of files at close or redeploy of everything; the stream goes on after. */
  async close(): Promise<void> {
    this.#closed = true;
    this.context.delivery.remove(this.shipping);
    await this.#opening.closed();
    await this.#sealing.settled();
    await this.shipping.cleared();
    await this.#ending;
    if (this.record.data.finalize === 'done') return;
    const number = this.openNumber;
    await this.closeFiles();
    const journal =
      number === undefined
        ? undefined
        : await stat(numbered(this.folder, number, 'open')).catch(() => undefined);
    await this.record.update((data) => {
      if (number !== undefined && journal !== undefined) data.left = { number, bytes: journal.size };
    });
  }

  // ── what subclasses tell ────────────────────────────────────────────────────────────────────────────────

  /** Data was accepted: it is in the open chunk on disk. */
  protected async accepted(items: number): Promise<void> {
    this.record.data.last_data = Date.now();
    this.watch.saw(items);
    this.#drained = false;
    if (!this.record.data.begun) await this.begin();
    this.#endIfDone();
  }

  /** @param hostClock when the chunk was stamped */
  protected sealed(sidecar: S, hostClock: number): void {
    this.shipping.add(sidecar, hostClock);
    this.#drained = false;
  }

  #settled(): void {
    if (!this.#drained && this.shipping.isIdle && this.openIsSent) {
      this.#drained = true;
      this.tellStatus('drained');
    }
    this.#endIfDone();
  }

  /**
   * Admits data.
   *
   * @throws AtomscaleError ERR_NOT_STARTED after the finalize intent, else as `checkRoom`
   */
  protected admit(): void {
    if (!this.open) {
      throw new AtomscaleError(
        'ERR_NOT_STARTED',
        'the stream is being finalized and takes no more data; open another one for it',
      );
    }
    this.checkRoom();
  }

  /**
   * Admits a chunk with an index of the caller's.
   *
   * @throws AtomscaleError ERR_VALUE when it comes before what the service takes now
   */
  protected admitIndex(chunkIndex: number): void {
    const { base } = this.record.generation;
    if (chunkIndex >= base) return;
    throw new AtomscaleError(
      'ERR_VALUE',
      `chunkIndex: expected ${base} or more, since the service closed the stream and another one goes on from there, got ${chunkIndex}; open a new stream for earlier chunks`,
    );
  }

  /** What the disk said to data: when it is full although the budget saw room, the oldest chunk may have to go. */
  protected refusedByDisk(error: unknown): void {
    if (error instanceof SpoolError && error.code === 'ERR_SPOOL_FULL') this.context.budget.ranOut();
  }

  /** @throws SpoolError ERR_SPOOL_FULL when the spool is full, ERR_SPOOL when the stream is closed */
  protected checkRoom(): void {
    if (this.#closed || this.context.closing.aborted) {
      throw new SpoolError(
        'ERR_SPOOL',
        this.folder,
        'the stream is closed here (it goes on after the restart); send the data again then',
      );
    }
    this.context.budget.admit();
  }

  get busyIndex(): number | null {
    return null;
  }

  takeOpen(_now: number): (() => Promise<void>) | undefined {
    return undefined;
  }

  async sentAgainLater(_entry: Entry<S>): Promise<boolean> {
    return false;
  }

  /** Another stream on the service takes over. */
  protected continued(): void {}

  // ── delivery ────────────────────────────────────────────────────────────────────────────────────────────

  #deliverable(): boolean {
    return this.#opening.isLinked && this.#continuing === undefined;
  }

  /** The service has closed the stream: another one with the same settings takes what waits, from index 0. */
  #continue(): Promise<void> {
    this.#continuing ??= this.#newGeneration().finally(() => {
      this.#continuing = undefined;
    });
    return this.#continuing;
  }

  async #newGeneration(): Promise<void> {
    let base = this.openChunkIndex;
    for (const { chunk_index } of this.shipping.sidecars()) base = Math.min(base, chunk_index);
    for (const number of this.shipping.unsealed) base = Math.min(base, number);
    // What the disk refuses now it is asked again before the stream is created.
    await this.record
      .update((data) => continueFrom(data, base))
      .catch((error: unknown) => this.waiting(error));
    this.shipping.reset();
    this.continued();
    this.#opening.start();
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────────

  /** A stream that was never begun has nothing to end on the service. */
  #endIfDone(): void {
    const { begun, finalize } = this.record.data;
    const isDone =
      finalize === 'wanted' &&
      this.#sealing.isDone &&
      !this.#returning &&
      this.shipping.isIdle &&
      this.openIsSent &&
      (!begun || this.#deliverable());
    if (!isDone || this.#closed || this.context.closing.aborted) return;
    this.#ending ??= (begun ? this.#end() : this.#remove())
      .catch((error: unknown) => this.tell('problem', error as AtomscaleError))
      .finally(() => {
        this.#ending = undefined;
      });
  }

  async #end(): Promise<void> {
    const { api, delivery, closing } = this.context;
    await sleep(this.trouble.rest, closing);
    const isEnded = await endOnService(this.context, () => this.endOnService(api, this.dataId as string), {
      waiting: (error) => this.waiting(error),
      problem: (error) => this.tell('problem', error),
    });
    if (!isEnded) return;
    this.cameThrough();
    delivery.remove(this.shipping);
    await this.#markDone();
    this.tellStream('finalized', { report: this.report() });
    await this.#remove();
  }

  /** Where the disk refuses this the folder goes all the same, or the stream is ended again after a restart. */
  async #markDone(): Promise<void> {
    const written = this.record.update((data) => {
      data.finalize = 'done';
    });
    await written.catch((error: unknown) => this.tell('problem', error as AtomscaleError));
  }

  async #remove(): Promise<void> {
    this.#closed = true;
    try {
      await this.closeFiles();
      await this.record.settled();
      // What is in quarantine is the person's to look at: the folder stays with it.
      const isKept = this.quarantine.size > 0 || (await this.context.kept.has(this.folder));
      if (!isKept) await rm(this.folder, { recursive: true, force: true });
    } finally {
      this.tell('end');
    }
  }
}
