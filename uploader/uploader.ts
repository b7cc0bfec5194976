import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Access } from './access.js';
import { adoptEditor } from './adopt-editor.js';
import { ApiClient, DEFAULT_ENDPOINT } from './api/client.js';
import { Clock } from './clock.js';
import type { Context } from './context.js';
import { Delivery } from './delivery.js';
import { AtomscaleError, type SpoolError } from './errors.js';
import { CalmLog, type Logger, loggerOf } from './log.js';
import { QuarantineDesk } from './quarantine-desk.js';
import { RheedStream } from './rheed.js';
import { rheedSettings, timeseriesSettings } from './settings.js';
import { AccountFolder } from './spool/account-folder.js';
import { AccountRecord } from './spool/account-record.js';
import { Budget } from './spool/budget.js';
import type { RheedSidecar, TimeseriesSidecar } from './spool/entry.js';
import { KeptChunks } from './spool/kept.js';
import { Quarantine } from './spool/quarantine.js';
import { quarantineNumber, type Recovered, recoverFolder } from './spool/recovery.js';
import type { RecordFile } from './spool/stream-record.js';
import { nothing } from './stream.js';
import { OpenChunk } from './timeseries/open-chunk.js';
import { TimeseriesStream } from './timeseries.js';
import type { Owner, RawSettings, StreamKind } from './types.js';

export type AnyStream = RheedStream | TimeseriesStream;
export type { Logger };

export interface UploaderOptions {
  /** Names the folder below `spoolDir`. */
  readonly id: string;
  /** Blank: AS_API_ENDPOINT, else the public service. */
  readonly endpoint?: string;
  /** Blank: AS_API_KEY. */
  readonly apiKey?: string;
  readonly spoolDir: string;
  /** Bytes, 50 GB by default. */
  readonly spoolMaxBytes?: number;
  /** Bytes that stay free on the disk, 2 GB by default. */
  readonly spoolMinFreeBytes?: number;
  readonly whenFull?: 'refuse' | 'drop-oldest';
  /** Days that delivered chunks are kept, 0 by default. */
  readonly keepUploaded?: number;
  /** Transfers at once, 4 by default. */
  readonly uploads?: number;
  readonly clockSync?: boolean;
  readonly logger?: Logger;
}

/** A removed node's streams are finalized unless it returns. */
const REMOVED_GRACE = 10 * 60_000;
/** A stream whose node is absent since the start is finalized this long after its last data. */
const ABSENT_GRACE = 2 * 3_600_000;
/** Streams that take data at the same time: each holds files open, and `msg.stream` may tell any number apart. */
const MAX_OPEN_STREAMS = 256;
/** How often kept chunks are looked through. */
const PRUNE_INTERVAL = 3_600_000;

const registry = new Map<string, { uploader: Promise<Uploader>; users: number }>();
/** Account folders that are being let go: whoever wants one waits for its lock. */
const closings = new Map<string, Promise<void>>();

/** An account at work: its spool, its streams, its connection. One per account folder in a process. */
export class Uploader {
  readonly #key: string;
  readonly #folder: AccountFolder;
  readonly #context: Context;
  readonly #log: CalmLog;
  readonly #closing: AbortController;
  readonly #streams = new Set<AnyStream>();
  /**
   * Streams whose node is not there, and when they are finalized unless it returns: on the monotonic clock, since a
   * lab PC may get its time only after the start.
   */
  readonly #absent = new Map<AnyStream, number>();
  /** What a person does with the chunks in quarantine. */
  readonly quarantine: QuarantineDesk;
  #nextPrune = 0;
  /** Streams that are being created. */
  #creating = 0;
  #ticker: NodeJS.Timeout | undefined;
  #lose: (gone: SpoolError) => void = () => {};
  /** Resolves when the spool folder is no longer there: whoever sees it come back acquires again. */
  readonly lost: Promise<SpoolError> = new Promise((resolve) => {
    this.#lose = resolve;
  });
  #ticking: Promise<void> | undefined;

  private constructor(
    key: string,
    folder: AccountFolder,
    options: UploaderOptions,
    delivery: Delivery,
    record: AccountRecord,
    log: CalmLog,
  ) {
    this.#key = key;
    this.#log = log;
    this.#folder = folder;
    this.#closing = new AbortController();
    const uploads = options.uploads ?? 4;
    const endpoint = options.endpoint?.trim() || process.env.AS_API_ENDPOINT || DEFAULT_ENDPOINT;
    const apiKey = options.apiKey?.trim() || process.env.AS_API_KEY || '';
    const api = new ApiClient(endpoint, apiKey, uploads + 4);
    const kept = new KeptChunks(folder.path, options.keepUploaded ?? 0);
    this.#context = {
      api,
      log,
      delivery,
      kept,
      closing: this.#closing.signal,
      clock: new Clock(api, log, options.clockSync ?? true),
      access: new Access(api, log, record, this.#closing.signal, () => this.#accessChanged()),
      budget: new Budget(
        folder.path,
        {
          maxBytes: options.spoolMaxBytes ?? 50e9,
          minFreeBytes: options.spoolMinFreeBytes ?? 2e9,
          whenFull: options.whenFull ?? 'refuse',
        },
        kept,
        () => this.#shippings(),
      ),
    };
    delivery.hold(this.#context.access.refusal !== undefined);
    this.quarantine = new QuarantineDesk(folder, this.#streams, kept, async (record, found) => {
      const stream = await this.#found(record, found);
      stream.resume();
      return stream;
    });
  }

  /**
   * The account's uploader; the same one for all who ask for the same folder. What an earlier process left is
   * recovered when this resolves, and its delivery begins.
   *
   * @throws AtomscaleError ERR_SPOOL, ERR_NATIVE
   */
  static async acquire(options: UploaderOptions): Promise<Uploader> {
    const key = resolve(options.spoolDir, options.id);
    while (closings.has(key)) await closings.get(key)?.catch(() => undefined);
    const known = registry.get(key);
    const entry = known ?? { uploader: Uploader.#start(key, options), users: 0 };
    registry.set(key, entry);
    entry.users += 1;
    try {
      return await entry.uploader;
    } catch (error) {
      if (registry.get(key) === entry) registry.delete(key);
      throw error;
    }
  }

  static async #start(key: string, options: UploaderOptions): Promise<Uploader> {
    const log = new CalmLog(options.logger ?? loggerOf(1));
    const folder = await AccountFolder.open(options.spoolDir, options.id);
    try {
      const uploader = new Uploader(
        key,
        folder,
        options,
        await Delivery.create(options.uploads ?? 4, log),
        await AccountRecord.read(folder.path),
        log,
      );
      await uploader.#recover();
      // Whoever asked for it listens first: a stream that ends at once is heard.
      setImmediate(() => {
        if (uploader.#closing.signal.aborted) return;
        for (const stream of uploader.#streams) stream.resume();
      });
      uploader.#ticker = setInterval(() => uploader.#tick(), 1_000);
      uploader.#ticker.unref();
      return uploader;
    } catch (error) {
      log.close();
      folder.release();
      throw error;
    }
  }

  /** The last one to release closes all: journals are synced, transfers under way end, the streams go on later. */
  async release(): Promise<void> {
    const entry = registry.get(this.#key);
    if (entry === undefined) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    registry.delete(this.#key);
    const closed = this.#close().finally(() => closings.delete(this.#key));
    closings.set(this.#key, closed);
    await closed;
  }

  get streams(): readonly AnyStream[] {
    return [...this.#streams];
  }

  get spoolBytes(): number {
    return this.#context.budget.bytes;
  }

  get clockStatus(): ReturnType<Clock['status']> {
    return this.#context.clock.status();
  }

  /** Why nothing is sent, when the key is missing or refused. */
  get paused(): { readonly error: AtomscaleError; readonly since: number } | undefined {
    return this.#context.access.refusal;
  }

  /**
   * A node is there, or there again: gives its streams, those that still deliver too. Where `editor` tells the
   * service something else than when the stream opened, the stream is finalized; local settings apply at once.
   */
  attach(node: string, kind: StreamKind, editor: RawSettings): AnyStream[] {
    const mine = [...this.#streams].filter((stream) => stream.kind === kind && stream.owner.node === node);
    for (const stream of mine) {
      this.#absent.delete(stream);
      if (!stream.open && !stream.refused) continue;
      adoptEditor(stream, stream.record, editor).catch((error: unknown) =>
        this.#context.log.warn(`stream ${stream.folder}: ${(error as Error).message}`),
      );
    }
    return mine;
  }

  /** A node went. `removed`: from the flow; its streams are delivered on and finalized unless it returns. */
  async detach(node: string, removed: boolean): Promise<void> {
    const mine = [...this.#streams].filter((stream) => stream.owner.node === node);
    await Promise.all(
      mine.map(async (stream) => {
        const grace = removed ? REMOVED_GRACE : ABSENT_GRACE - stream.quietFor;
        this.#absent.set(stream, performance.now() + Math.max(grace, 0));
        await stream.sync();
        if (!removed) return;
        await stream.record.update((data) => {
          data.removed_at = Date.now();
        });
      }),
    );
  }

  /**
   * Opens a RHEED stream; resolves when the intent is on disk.
   *
   * @param onFirstData the service is told when the first data was accepted, not before
   * @throws SettingsError ERR_SETTINGS
   */
  async startRheed(
    owner: Owner,
    settings: RawSettings,
    editor: RawSettings,
    topic?: string,
    onFirstData = false,
  ): Promise<RheedStream> {
    const record = await this.#create(
      'rheed',
      owner,
      settings,
      editor,
      rheedSettings(settings).streamName,
      topic,
    );
    const stream = new RheedStream(this.#context, record, nothing(record.folder));
    return this.#begin(stream, onFirstData);
  }

  /** Opens a timeseries stream, likewise. */
  async startTimeseries(
    owner: Owner,
    settings: RawSettings,
    editor: RawSettings,
    topic?: string,
    onFirstData = false,
  ): Promise<TimeseriesStream> {
    const { streamName, fill } = timeseriesSettings(settings);
    const record = await this.#create('timeseries', owner, settings, editor, streamName, topic);
    const open = new OpenChunk(record.folder, fill, 0);
    const stream = new TimeseriesStream(this.#context, record, nothing(record.folder), open);
    return this.#begin(stream, onFirstData);
  }

  async #create(
    kind: StreamKind,
    owner: Owner,
    settings: RawSettings,
    editor: RawSettings,
    name: string | null,
    topic?: string,
  ): Promise<RecordFile> {
    this.#creating += 1;
    try {
      this.#admitStream();
      return await this.#folder.create({
        kind,
        owner,
        name,
        endpoint: this.#context.api.endpoint,
        settings: { ...settings },
        editor: { ...editor },
        begun: false,
        ...(topic === undefined ? {} : { topic }),
      });
    } finally {
      this.#creating -= 1;
    }
  }

  #admitStream(): void {
    let open = this.#creating;
    for (const stream of this.#streams) if (stream.open) open += 1;
    if (open <= MAX_OPEN_STREAMS) return;
    throw new AtomscaleError(
      'ERR_OVERLOAD',
      `expected at most ${MAX_OPEN_STREAMS} open streams of an account, got one more; finalize those that are over ` +
        '(each msg.stream is a stream of its own)',
    );
  }

  async #begin<T extends AnyStream>(stream: T, onFirstData: boolean): Promise<T> {
    this.#keep(stream);
    if (onFirstData) return stream;
    await stream.begin().catch(async (error: unknown) => {
      // Nobody knows of it: a second try opens another one.
      await stream.discard().catch(() => undefined);
      throw error;
    });
    return stream;
  }

  #keep(stream: AnyStream): void {
    this.#streams.add(stream);
    stream.once('end', () => {
      this.#streams.delete(stream);
      this.#absent.delete(stream);
    });
  }

  async #recover(): Promise<void> {
    const { records, problems } = await this.#folder.streams();
    for (const problem of problems) this.#context.log.error(problem.message);
    for (const record of records) {
      try {
        await this.#recoverStream(record);
      } catch (error) {
        this.#context.log.error(`stream ${record.folder}: ${(error as Error).message}`);
      }
    }
  }

  async #recoverStream(record: RecordFile): Promise<void> {
    const { kept } = this.#context;
    const found = await recoverFolder(record, kept.days > 0 ? kept : undefined);
    const { sidecars, problems, unsealed, openNumber } = found;
    if (record.data.finalize === 'done') {
      // The process ended before the folder was removed; what is in quarantine, or kept, stays.
      await this.#removeIfBare(record.folder);
      return;
    }
    const isEmpty = sidecars.length + problems.length + unsealed.length === 0 && openNumber === undefined;
    if (!record.data.begun && isEmpty) {
      // Data was to open it and none was accepted.
      await rm(record.folder, { recursive: true, force: true });
      return;
    }
    record.data.begun = true;
    const stream = await this.#found(record, found);
    const { removed_at, last_data } = record.data;
    const [from, grace] = removed_at === null ? [last_data, ABSENT_GRACE] : [removed_at, REMOVED_GRACE];
    this.#absent.set(stream, performance.now() + Math.min(Math.max(from + grace - Date.now(), 0), grace));
  }

  /** A stream made from what is in its folder; it goes on when it is resumed. */
  async #found(
    record: RecordFile,
    { sidecars, problems, unsealed, quarantine, openNumber }: Recovered,
  ): Promise<AnyStream> {
    let stream: AnyStream;
    if (record.data.kind === 'rheed') {
      const remainder = { sidecars: sidecars as RheedSidecar[], problems, unsealed, quarantine };
      stream = new RheedStream(this.#context, record, remainder);
    } else {
      const { fill } = timeseriesSettings(record.data.settings);
      const open = new OpenChunk(record.folder, fill, record.data.next_number);
      const reopened = openNumber === undefined ? undefined : await open.reopen(openNumber);
      if (reopened?.sealed !== undefined) sidecars.push(reopened.sealed);
      if (openNumber !== undefined && reopened === undefined)
        problems.push(await quarantineNumber(record, quarantine, openNumber, 'its journal cannot be read'));
      const remainder = { sidecars: sidecars as TimeseriesSidecar[], problems, unsealed, quarantine };
      stream = new TimeseriesStream(this.#context, record, remainder, open);
    }
    this.#keep(stream);
    return stream;
  }

  *#shippings(): IterableIterator<AnyStream['shipping']> {
    for (const { shipping } of this.#streams) yield shipping;
  }

  #accessChanged(): void {
    const paused = this.#context.access.refusal !== undefined;
    this.#context.delivery.hold(paused);
  }

  /** A disk slower than the ticks is not asked again before it has answered. */
  #tick(): void {
    this.#ticking ??= this.#tickOnce()
      .catch((error: unknown) => this.#context.log.warn((error as Error).message))
      .finally(() => {
        this.#ticking = undefined;
      });
  }

  async #tickOnce(): Promise<void> {
    const now = performance.now();
    const gone = await this.#folder.gone();
    this.#context.budget.refuse(gone);
    if (gone !== undefined) return this.#lose(gone);
    const sizes = await Promise.all([...this.#streams].map((stream) => this.#tickStream(stream, now)));
    const openBytes = sizes.reduce((sum, size) => sum + size, 0);
    await this.#context.budget.refresh(openBytes);
    await this.quarantine.answerRequests();
    if (now < this.#nextPrune) return;
    this.#nextPrune = now + PRUNE_INTERVAL;
    await this.#prune();
  }

  /** Gives the bytes of its open chunk; one stream's trouble is not the others'. */
  async #tickStream(stream: AnyStream, now: number): Promise<number> {
    try {
      stream.tick();
      await stream.sync();
      if (stream.open && now >= (this.#absent.get(stream) ?? Number.POSITIVE_INFINITY))
        await stream.finalize();
      return await stream.openBytes();
    } catch (error) {
      this.#context.log.warn(`stream ${stream.folder}: ${(error as Error).message}`);
      return 0;
    }
  }

  /** Of what is kept after its delivery the oldest goes, and with the last of it the folder of its stream. */
  async #prune(): Promise<void> {
    const { kept } = this.#context;
    await kept.prune();
    for (const { folder } of await this.#folder.finished()) await this.#removeIfBare(folder);
  }

  /** What is in quarantine, or kept, is the person's. */
  async #removeIfBare(folder: string): Promise<void> {
    const isBare = (await Quarantine.load(folder)).size === 0 && !(await this.#context.kept.has(folder));
    if (isBare) await rm(folder, { recursive: true, force: true });
  }

  async #close(): Promise<void> {
    clearInterval(this.#ticker);
    this.#closing.abort();
    const { access, api, clock, delivery } = this.#context;
    clock.stop();
    try {
      await this.#ticking;
      await access.close();
      await api.close();
      await delivery.close();
      await Promise.allSettled([...this.#streams].map((stream) => stream.close()));
    } finally {
      this.#log.close();
      this.#folder.release();
    }
  }
}
