import { type ApiClient, wasUnanswered } from './api/client.js';
import { type Column, finalizeTimeseriesStream, sendChannel, sendChannels } from './api/tool-state.js';
import { type Correction, hostClock, jumpBetween } from './clock.js';
import type { Context } from './context.js';
import { SpoolError } from './errors.js';
import { readingsInFlight, weightOf } from './in-flight.js';
import { timeseriesSettings } from './settings.js';
import { dataFile } from './spool/chunk-files.js';
import type { Entry, TimeseriesSidecar } from './spool/entry.js';
import { spoolError } from './spool/files.js';
import type { RecordFile } from './spool/stream-record.js';
import { type Remainder, Stream } from './stream.js';
import { shifted, type Table, tableOf } from './timeseries/chunk.js';
import { readJournal } from './timeseries/journal.js';
import type { OpenChunk, RowRules, Taken } from './timeseries/open-chunk.js';
import type { Reading, TimeseriesSettings } from './types.js';

/** A sealed chunk whose early send got no answer is sent once more: the answerless one may land late. */
const REPEAT_AFTER = 60_000;

interface Waiting {
  readonly readings: readonly Reading[];
  /** What they take in memory. */
  readonly bytes: number;
  /** Host clock at acceptance, Unix seconds. */
  readonly arrival: number;
  readonly hostClock: number;
  resolve(done: Promise<void>): void;
  reject(error: unknown): void;
}

/** Readings on their way: into rows, into the open chunk's journal on disk, then to the service. */
export class TimeseriesStream extends Stream<TimeseriesSidecar> {
  readonly kind = 'timeseries';
  readonly #open: OpenChunk;
  #rules: TimeseriesSettings;
  /** Operations on the open chunk, one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  #waiting: Waiting[] = [];
  #waitingReadings = 0;
  #draining = false;
  #sealTimer: NodeJS.Timeout | undefined;
  /** The host's clock when the rows of the open chunk were stamped. */
  #hostClock = hostClock();
  /** Index of the chunk that is being sent early. */
  #earlyIndex: number | null = null;
  #flushAsked = false;
  /** Chunks that are sent once more because of an early send without an answer. */
  readonly #sentOnce = new WeakSet<Entry<TimeseriesSidecar>>();

  constructor(
    context: Context,
    record: RecordFile,
    remainder: Remainder<TimeseriesSidecar>,
    open: OpenChunk,
  ) {
    super(context, record, remainder);
    this.#rules = timeseriesSettings(record.data.settings);
    this.#open = open;
  }

  /**
   * Takes readings; resolves when they are in the open chunk's journal on disk.
   *
   * @throws AtomscaleError ERR_OVERLOAD, ERR_SPOOL, ERR_SPOOL_FULL
   */
  async push(readings: readonly Reading[]): Promise<void> {
    this.admit();
    const bytes = weightOf(readings);
    readingsInFlight.enter(bytes);
    await new Promise<void>((resolve, reject) => {
      this.#waitingReadings += readings.length;
      this.#waiting.push({
        readings,
        bytes,
        arrival: Date.now() / 1000,
        hostClock: hostClock(),
        resolve,
        reject,
      });
      if (this.#draining) return;
      this.#draining = true;
      void this.#enqueue(() => this.#drain());
    });
  }

  /**
   * Takes a whole chunk as it stands, for the library: its index, columns and axes are the caller's.
   *
   * @param single by POST /tool-state/stream/chunk, for one channel
   */
  async pushTable(
    chunkIndex: number,
    columns: Readonly<Record<string, Column>>,
    single: boolean,
  ): Promise<void> {
    this.admit();
    this.admitIndex(chunkIndex);
    const sidecar = await this.#enqueue(() => this.#open.addTable(chunkIndex, columns, single));
    this.sealed(sidecar, hostClock());
    await this.accepted(sidecar.points);
  }

  /** Sends the open chunk early, as it stands. */
  async flush(): Promise<void> {
    await this.sync();
    this.#flushAsked = true;
    this.context.delivery.wake();
  }

  async sync(): Promise<void> {
    await this.#enqueue(() => this.#open.sync());
  }

  async openBytes(): Promise<number> {
    return this.#open.bytes;
  }

  override async adopt(settings: Stream['settings'], editor: Stream['settings']): Promise<void> {
    const before = this.#rules;
    this.#rules = timeseriesSettings(settings);
    if (this.#rules.fill !== before.fill) await this.#enqueue(() => this.#refill(this.#rules.fill));
    await super.adopt(settings, editor);
  }

  override tick(): void {
    super.tick();
    if (this.#earlyIsDue(performance.now())) this.context.delivery.wake();
  }

  protected get openItems(): number {
    return this.#open.points + this.#waitingReadings;
  }

  protected get openIsSent(): boolean {
    return this.openItems === this.#open.early.points && this.#earlyIndex === null;
  }

  protected get openNumber(): number | undefined {
    return this.#open.current?.number;
  }

  protected get openChunkIndex(): number {
    return this.#open.chunkIndex;
  }

  override get busyIndex(): number | null {
    return this.#earlyIndex;
  }

  protected async seal(): Promise<void> {
    const sidecar = await this.#enqueue(() => this.#open.seal(this.#clock));
    if (sidecar !== undefined) this.sealed(sidecar, this.#hostClock);
  }

  protected async closeFiles(): Promise<void> {
    clearTimeout(this.#sealTimer);
    await this.#enqueue(() => this.#open.close());
  }

  async deliver(
    api: ApiClient,
    dataId: string,
    chunkIndex: number,
    sidecar: TimeseriesSidecar,
  ): Promise<void> {
    const path = dataFile(this.folder, sidecar);
    const journal = await readJournal(path).catch((error: unknown) => {
      throw spoolError(error, path, 'reading');
    });
    if (journal === undefined || journal.cutBytes > 0) {
      throw new SpoolError(
        'ERR_SPOOL',
        path,
        `${path}: damaged after ${journal?.goodBytes ?? 0} bytes, the checksum does not hold`,
      );
    }
    await send(api, dataId, chunkIndex, shifted(tableOf(journal), secondsOf(sidecar.clock)));
  }

  protected endOnService(api: ApiClient, dataId: string): Promise<void> {
    return finalizeTimeseriesStream(api, dataId);
  }

  override async sentAgainLater(entry: Entry<TimeseriesSidecar>): Promise<boolean> {
    if (!entry.sidecar.early_unanswered || this.#sentOnce.has(entry)) return false;
    // Not on disk: after a restart nobody knows how long ago that was, so it is sent twice again.
    this.#sentOnce.add(entry);
    entry.notBefore = performance.now() + REPEAT_AFTER;
    return true;
  }

  /** The new stream knows nothing of what was sent early to the old one. */
  protected override continued(): void {
    this.#open.early.points = 0;
    this.#open.early.unanswered = false;
    for (const sidecar of this.shipping.sidecars()) sidecar.early_unanswered = false;
  }

  // ── early sends ─────────────────────────────────────────────────────────────────────────────────────────

  override takeOpen(now: number): (() => Promise<void>) | undefined {
    if (!this.#earlyIsDue(now)) return undefined;
    this.#earlyIndex = this.#open.chunkIndex;
    this.#flushAsked = false;
    return () => this.#sendEarly();
  }

  #earlyIsDue(now: number): boolean {
    const { points, at } = this.#open.early;
    if (this.#open.points === points) this.#flushAsked = false;
    if (this.#earlyIndex !== null || this.#open.points === points) return false;
    const { flushInterval } = this.#rules;
    return this.#flushAsked || (flushInterval > 0 && now - at >= flushInterval * 1000);
  }

  async #sendEarly(): Promise<void> {
    const { data_id, base } = this.record.generation;
    const dataId = data_id as string;
    const early = this.#open.early;
    const chunk = this.#open.current;
    const wasSentBefore = early.unanswered;
    early.at = performance.now();
    try {
      if (chunk === undefined) return;
      const found = await this.#enqueue(async () => {
        if (this.#open.current !== chunk) return undefined;
        await this.context.clock.compared();
        await this.#open.prepareEarly(this.context.clock.correction(this.#hostClock) ?? null);
        early.unanswered = true;
        return { table: chunk.table(), points: chunk.rows.points };
      });
      if (found === undefined) return;
      await send(
        this.context.api,
        dataId,
        chunk.chunkIndex - base,
        shifted(found.table, secondsOf(early.clock)),
      );
      this.#earlyAnswered(chunk.number, early, wasSentBefore);
      early.points = found.points;
      this.shipping.succeeded();
    } catch (error) {
      if (chunk !== undefined && !wasUnanswered(error))
        this.#earlyAnswered(chunk.number, early, wasSentBefore);
      await this.shipping.failed(undefined, dataId, error);
    } finally {
      this.#earlyIndex = null;
    }
  }

  /** The chunk may have been sealed while its early send was under way. */
  #earlyAnswered(number: number, early: OpenChunk['early'], wasSentBefore: boolean): void {
    early.unanswered = wasSentBefore;
    for (const sidecar of this.shipping.sidecars())
      if (sidecar.number === number) sidecar.early_unanswered = wasSentBefore;
  }

  // ── the open chunk ──────────────────────────────────────────────────────────────────────────────────────

  #enqueue<T>(step: () => T | Promise<T>): Promise<T> {
    const done = this.#work.then(step);
    this.#work = done.catch(() => undefined);
    return done;
  }

  get #rowRules(): RowRules {
    const { rowWindow, pointsPerChunk } = this.#rules;
    return { rowWindow: rowWindow / 1000, pointsPerChunk, clock: this.#clock };
  }

  /** Of the open chunk, where it can be fixed at its sealing: its first send then need not write it. */
  get #clock(): Correction | null | undefined {
    return this.context.clock.fresh(this.#hostClock);
  }

  /** Takes all waiting messages with one write: the disk, not the number of messages, sets the pace. */
  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      await this.#sealIfClockWasSet(batch);
      const { taken, error } = await this.#take(batch);
      this.#waitingReadings -= readingsIn(batch);
      for (const { bytes } of batch) readingsInFlight.leave(bytes);
      if (error !== undefined) this.refusedByDisk(error);
      for (const { reject } of batch.slice(taken)) reject(error);
      if (taken === 0) continue;
      const accepted = this.accepted(readingsIn(batch.slice(0, taken)));
      for (const { resolve } of batch.slice(0, taken)) resolve(accepted);
      await accepted.catch(() => undefined);
      await this.#sealIfFull();
    }
    this.#draining = false;
  }

  /** Those that wait, up to where the host's clock was set: a chunk has one correction. */
  #nextBatch(): Waiting[] {
    const [first] = this.#waiting;
    const end = this.#waiting.findIndex((one) => jumpBetween(first?.hostClock ?? 0, one.hostClock) !== 0);
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #sealIfClockWasSet([first]: readonly Waiting[]): Promise<void> {
    if (first === undefined || jumpBetween(this.#hostClock, first.hostClock) === 0) return;
    try {
      const sidecar = await this.#open.seal(this.#clock);
      if (sidecar !== undefined) this.sealed(sidecar, this.#hostClock);
    } catch (error) {
      this.context.log.warn((error as Error).message);
    }
    this.#hostClock = first.hostClock;
  }

  async #take(batch: readonly Waiting[]): Promise<Taken> {
    try {
      this.checkRoom();
    } catch (error) {
      return { taken: 0, error };
    }
    const messages = batch.map(({ readings, arrival }) => byTime(readings, arrival));
    return this.#open.take(messages, this.#rowRules, (sidecar) => this.sealed(sidecar, this.#hostClock));
  }

  async #refill(fill: TimeseriesSettings['fill']): Promise<void> {
    const sidecar = await this.#open.seal(this.#clock);
    if (sidecar !== undefined) this.sealed(sidecar, this.#hostClock);
    this.#open.fill = fill;
    await this.#open.begin();
  }

  /** A full chunk is sealed at once, or after the row window when other channels may still join its last row. */
  async #sealIfFull(): Promise<void> {
    const fullness = this.#open.fullness(this.#rowRules);
    if (fullness === 'room') return;
    const sealNow = async (): Promise<void> => {
      const sidecar = await this.#open.sealAndBegin(this.#clock);
      if (sidecar !== undefined) this.sealed(sidecar, this.#hostClock);
    };
    if (fullness === 'complete') {
      await sealNow().catch((error: unknown) => this.context.log.warn((error as Error).message));
      return;
    }
    const chunk = this.#open.current;
    clearTimeout(this.#sealTimer);
    this.#sealTimer = setTimeout(() => {
      this.#enqueue(() => (this.#open.current === chunk ? sealNow() : undefined)).catch((error: unknown) =>
        this.context.log.warn((error as Error).message),
      );
    }, this.#rules.rowWindow);
  }
}

const readingsIn = (messages: readonly Waiting[]): number =>
  messages.reduce((sum, { readings }) => sum + readings.length, 0);

/** A message's readings by time, so that equal timestamps of its channels meet in a row. */
function byTime(
  readings: readonly Reading[],
  arrival: number,
): (Reading & { time: number; onArrival: boolean })[] {
  return readings
    .map((reading) => ({ ...reading, time: reading.time ?? arrival, onArrival: reading.time === null }))
    .sort((one, other) => one.time - other.time);
}

const secondsOf = (clock: Correction | null | undefined): number => (clock?.offsetMs ?? 0) / 1000;

async function send(
  api: ApiClient,
  dataId: string,
  chunkIndex: number,
  { columns, single }: Table,
): Promise<void> {
  const [only] = Object.entries(columns);
  if (only === undefined) return;
  if (single) await sendChannel(api, dataId, chunkIndex, ...only);
  else await sendChannels(api, dataId, chunkIndex, columns);
}
