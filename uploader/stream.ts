import { rm } from 'node:fs/promises';
import type { ApiClient } from './api/client.js';
import { sleep } from './backoff.js';
import type { Context } from './context.js';
import { continueFrom } from './continuation.js';
import { endOnService } from './ending.js';
import { AtomscaleError, SpoolError } from './errors.js';
import { Opening } from './opening.js';
import { differing } from './settings.js';
import { type Shipper, Shipping } from './shipping.js';
import { type Entry, itemsOf, type Sidecar } from './spool/entry.js';
import { Quarantine, type QuarantinedChunk } from './spool/quarantine.js';
import { recoverNumber } from './spool/recovery.js';
import type { RecordFile } from './spool/stream-record.js';
import { StreamEvents } from './stream-events.js';
import { healthOf, reportOf, type Snapshot, statusOf } from './stream-reports.js';
import { Trouble } from './trouble.js';
import type {
  Owner,
  RawSettings,
  Report,
  StatusEvent,
  StreamEvent,
  StreamHealth,
  StreamKind,
} from './types.js';
import { Watch } from './watch.js';

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
export abstract class Stream<S extends Sidecar = Sidecar> extends StreamEvents implements Shipper<S> {
  abstract readonly kind: StreamKind;
  protected readonly context: Context;
  readonly record: RecordFile;
  readonly shipping: Shipping<S>;
  /** What could be neither delivered nor read. */
  readonly quarantine: Quarantine;
  protected readonly watch = new Watch();
  readonly #opening: Opening;
  readonly #trouble: Trouble;
  /** The trouble of this process was told. */
  #told = false;
  #lastError: AtomscaleError | undefined;
  #ending: Promise<void> | undefined;
  #closed = false;
  #drained = true;
  #continuing: Promise<void> | undefined;
  /** Everything accepted before the finalize intent is sealed. */
  #allSealed = false;
  #sealing: Promise<void> | undefined;
  #sealingRemainder: Promise<void> | undefined;

  constructor(context: Context, record: RecordFile, remainder: Remainder<S>) {
    super(context.log);
    this.context = context;
    this.record = record;
    this.quarantine = remainder.quarantine;
    this.#trouble = new Trouble(record, context.log);
    this.#lastError = this.#trouble.error;
    this.shipping = new Shipping(context, record, this.quarantine, this, {
      isDeliverable: () => this.#deliverable(),
      delivered: (index) => this.#status('chunk', index),
      dropped: (index) => this.#status('dropped', index),
      quarantined: (index, error) => this.#quarantined(index, error),
      cameThrough: () => this.#cameThrough(),
      waiting: (error) => this.#waiting(error),
      problem: (error) => this.tell('problem', error),
      settled: () => this.#settled(),
      closedByService: () => this.#continue(),
    });
    this.shipping.resume(this.#trouble.failures, this.#trouble.rest);
    for (const sidecar of remainder.sidecars) this.shipping.add(sidecar, true);
    for (const number of remainder.unsealed) this.shipping.unsealed.add(number);
    for (const problem of remainder.problems) this.tell('problem', problem);
    this.#opening = new Opening(context, record, this.#trouble, {
      opened: () => this.#opened(),
      failed: (error) => this.#failed(error),
      waiting: (error) => this.#waiting(error),
      problem: (error) => this.tell('problem', error),
      linked: () => {
        context.delivery.wake();
        this.#endIfDone();
      },
    });
  }

  get owner(): Owner {
    return this.record.data.owner;
  }

  /** All settings of the stream, the node's own ones among them. */
  get settings(): RawSettings {
    return this.record.data.settings;
  }

  get topic(): string | undefined {
    return this.record.data.topic;
  }

  get folder(): string {
    return this.record.folder;
  }

  /** Null before the service has answered. */
  get dataId(): string | null {
    return this.record.generation.data_id;
  }

  /** False from the finalize intent on: the next data or start opens another stream. */
  get open(): boolean {
    return this.record.data.finalize === 'no';
  }

  /** Frames or points accepted and not yet sealed. */
  protected abstract get openItems(): number;
  /** True when nothing of the open chunk waits for the service. */
  protected abstract get openIsSent(): boolean;
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
    if (!this.open) void this.#sealOpen();
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
      this.#waiting(error);
    }
    this.announce();
    this.resume();
  }

  /** Tells the current state again. */
  announce(): void {
    this.#stream('started');
    if (this.dataId !== null) this.#stream('opened');
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
    await this.#sealOpen();
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

  /** Milliseconds since data came. */
  get quietFor(): number {
    return this.watch.quietFor();
  }

  /** What went wrong last, until it goes right again. */
  get lastError(): AtomscaleError | undefined {
    return this.#lastError;
  }

  /** Gives up a stream that holds no data: nothing more is told to the service. */
  async discard(): Promise<void> {
    this.context.delivery.remove(this.shipping);
    this.#opening.stop();
    await this.#markDone();
    await this.#remove();
  }

  /** Opening was refused: corrected settings open it again. */
  get refused(): boolean {
    return this.record.generation.opening === 'refused';
  }

  status(): StatusEvent {
    return statusOf(this.#snapshot(), 'status');
  }

  health(): StreamHealth {
    return healthOf(this.#snapshot());
  }

  report(): Report {
    return reportOf(this.#snapshot());
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
    for (const { number } of chunks) {
      await this.quarantine.takeBack(number);
      const { sidecar, problem } = await recoverNumber(this.record, this.quarantine, number);
      if (sidecar !== undefined) this.shipping.add(sidecar as S, true);
      if (problem !== undefined) this.tell('problem', problem);
    }
    this.#drained = false;
  }

  /** Once a second: the rate, the silence, the idle end. */
  tick(): void {
    const { settings, finalize } = this.record.data;
    const fps = Number(settings.fps) || undefined;
    if (this.watch.tick(performance.now(), fps) && this.open) this.#status('silent');
    const idle = Number(settings.idleTimeout) * 1000;
    if (this.open && this.record.data.begun && idle > 0 && this.watch.quietFor() >= idle) {
      this.finalize().catch((error: unknown) => this.tell('problem', error as AtomscaleError));
    }
    if (finalize === 'wanted') void this.#sealOpen();
    this.#sealRemainder();
    // Had the disk or an answer ended it, it goes on here.
    if (this.record.data.begun && !this.refused && !this.#opening.isLinked) this.#opening.start();
  }

  /** Lets go of files at close or redeploy of everything; the stream goes on after. */
  async close(): Promise<void> {
    this.#closed = true;
    this.context.delivery.remove(this.shipping);
    await this.#opening.closed();
    await this.#sealingRemainder;
    await this.#ending;
    if (this.record.data.finalize === 'done') return;
    await this.closeFiles();
    await this.record.update(() => undefined);
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

  protected sealed(sidecar: S): void {
    this.shipping.add(sidecar);
    this.#drained = false;
  }

  #settled(): void {
    if (!this.#drained && this.shipping.size === 0 && this.openIsSent) {
      this.#drained = true;
      this.#status('drained');
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

  #cameThrough(): void {
    this.context.access.worked();
    if (this.#trouble.since === null) return;
    this.#trouble.over();
    this.#told = false;
    this.#lastError = undefined;
    this.#status('resumed');
  }

  #quarantined(chunkIndex: number, error: AtomscaleError): void {
    this.#lastError = error;
    this.#status('quarantined', chunkIndex);
    this.tell('problem', error);
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
    // What the disk refuses now it is asked again before the stream is created.
    await this.record
      .update((data) => continueFrom(data, base))
      .catch((error: unknown) => this.#waiting(error));
    this.shipping.reset();
    this.continued();
    this.#opening.start();
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Seals what is open, once: a second call beside the first would find nothing left to seal while the first one's
   * chunk is not queued yet, and end the stream before it.
   */
  #sealOpen(): Promise<void> {
    this.#sealing ??= this.#sealOnce().finally(() => {
      this.#sealing = undefined;
    });
    return this.#sealing;
  }

  /** What a full disk did not let be sealed at the start, as soon as it does. */
  #sealRemainder(): void {
    const [number] = this.shipping.unsealed;
    if (number === undefined || this.#closed) return;
    this.#sealingRemainder ??= this.#sealLater(number).finally(() => {
      this.#sealingRemainder = undefined;
    });
  }

  async #sealLater(number: number): Promise<void> {
    try {
      const { sidecar, problem } = await recoverNumber(this.record, this.quarantine, number);
      this.shipping.unsealed.delete(number);
      if (sidecar !== undefined) this.sealed(sidecar as S);
      if (problem !== undefined) this.tell('problem', problem);
      this.#endIfDone();
    } catch (error) {
      this.#waiting(error);
    }
  }

  async #sealOnce(): Promise<void> {
    try {
      if (!this.#allSealed) await this.seal();
      this.#allSealed = true;
      this.#endIfDone();
    } catch (error) {
      // The intent is on disk; sealing is tried again every second until the disk allows it.
      this.#waiting(error);
    }
  }

  /** A stream that was never begun has nothing to end on the service. */
  #endIfDone(): void {
    const { begun, finalize } = this.record.data;
    const isDone =
      finalize === 'wanted' &&
      this.#allSealed &&
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
    await sleep(this.#trouble.rest, closing);
    const isEnded = await endOnService(this.context, () => this.endOnService(api, this.dataId as string), {
      waiting: (error) => this.#waiting(error),
      problem: (error) => this.tell('problem', error),
    });
    if (!isEnded) return;
    this.#cameThrough();
    delivery.remove(this.shipping);
    await this.#markDone();
    this.#stream('finalized', { report: this.report() });
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

  // ── events ──────────────────────────────────────────────────────────────────────────────────────────────

  #snapshot(): Snapshot {
    let items = this.record.data.counts.items + this.quarantine.items + this.openItems;
    for (const sidecar of this.shipping.sidecars()) items += itemsOf(sidecar);
    return {
      data: this.record.data,
      quarantined: this.quarantine.chunks,
      dataId: this.dataId,
      items,
      pending: this.shipping.size,
      spoolBytes: this.context.budget.bytes,
      rate: this.watch.rate,
      silentSince: this.watch.silentSince,
      waitingSince: this.#trouble.since,
      paused: this.context.access.refusal,
      error: this.#lastError,
    };
  }

  #opened(): void {
    const [previous] = this.record.data.generations.slice(-2, -1);
    this.#cameThrough();
    if (previous?.data_id) this.#stream('continued', { previous_data_id: previous.data_id });
    else this.#stream('opened');
  }

  #failed(error: AtomscaleError): void {
    this.#lastError = error;
    this.#stream('failed', { error: { code: error.code, message: error.message } });
    this.tell('problem', error);
  }

  /** Gives the milliseconds until the next try. */
  #waiting(error: unknown): number {
    const known = error instanceof AtomscaleError ? error : new AtomscaleError('ERR_API', String(error));
    this.#lastError = known;
    const wait = this.#trouble.failed(known);
    if (!this.#told) {
      this.#told = true;
      this.#status('waiting');
      this.context.log.warn(`stream ${this.dataId ?? '(not open yet)'} waits: ${known.message}`);
    }
    return wait;
  }

  #stream(event: StreamEvent['event'], more: Partial<StreamEvent> = {}): void {
    this.tell('stream', { event, data_id: this.dataId, settings: this.settings, ...more });
  }

  #status(event: StatusEvent['event'], chunkIndex?: number): void {
    this.tell('status', statusOf(this.#snapshot(), event, chunkIndex));
  }
}
