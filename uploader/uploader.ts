import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Access } from './access.js';
import { adoptEditor } from './adopt-editor.js';
import { ApiClient, DEFAULT_ENDPOINT } from './api/client.js';
import { Clock } from './clock.js';
import type { Context } from './context.js';
import { Delivery } from './delivery.js';
import type { AtomscaleError } from './errors.js';
import { type Logger, loggerOf } from './log.js';
import { RheedStream } from './rheed.js';
import { rheedSettings, timeseriesSettings } from './settings.js';
import { AccountFolder } from './spool/account-folder.js';
import { Budget } from './spool/budget.js';
import type { RheedSidecar, TimeseriesSidecar } from './spool/entry.js';
import { quarantineNumber, recoverFolder } from './spool/recovery.js';
import type { RecordFile } from './spool/stream-record.js';
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
  /** Transfers at once, 4 by default. */
  readonly uploads?: number;
  readonly clockSync?: boolean;
  readonly logger?: Logger;
}

/** A removed node's streams are finalized unless it returns. */
const REMOVED_GRACE = 10 * 60_000;
/** A stream whose node is absent since the start is finalized this long after its last data. */
const ABSENT_GRACE = 2 * 3_600_000;

const registry = new Map<string, { uploader: Promise<Uploader>; users: number }>();
/** Account folders that are being let go: whoever wants one waits for its lock. */
const closings = new Map<string, Promise<void>>();

/** An account at work: its spool, its streams, its connection. One per account folder in a process. */
export class Uploader {
  readonly #key: string;
  readonly #folder: AccountFolder;
  readonly #context: Context;
  readonly #closing: AbortController;
  readonly #streams = new Set<AnyStream>();
  /** Nodes that are there now. */
  readonly #present = new Set<string>();
  readonly #records = new Map<AnyStream, RecordFile>();
  #ticker: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;

  private constructor(
    key: string,
    folder: AccountFolder,
    options: UploaderOptions,
    delivery: Delivery,
    log: Logger,
  ) {
    this.#key = key;
    this.#folder = folder;
    this.#closing = new AbortController();
    const uploads = options.uploads ?? 4;
    const endpoint = options.endpoint?.trim() || process.env.AS_API_ENDPOINT || DEFAULT_ENDPOINT;
    const apiKey = options.apiKey?.trim() || process.env.AS_API_KEY || '';
    const api = new ApiClient(endpoint, apiKey, uploads + 4);
    this.#context = {
      api,
      log,
      delivery,
      closing: this.#closing.signal,
      clock: new Clock(api, log, options.clockSync ?? true),
      access: new Access(api, log, this.#closing.signal, () => this.#accessChanged()),
      budget: new Budget(
        folder.path,
        {
          maxBytes: options.spoolMaxBytes ?? 50e9,
          minFreeBytes: options.spoolMinFreeBytes ?? 2e9,
          whenFull: options.whenFull ?? 'refuse',
        },
        () => this.#shippings(),
      ),
    };
    delivery.hold(this.#context.access.refusal !== undefined);
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
    const log = options.logger ?? loggerOf(1);
    const folder = await AccountFolder.open(options.spoolDir, options.id);
    try {
      const uploader = new Uploader(
        key,
        folder,
        options,
        await Delivery.create(options.uploads ?? 4, log),
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
    this.#present.add(node);
    const mine = [...this.#streams].filter((stream) => stream.kind === kind && stream.owner.node === node);
    for (const stream of mine) {
      if (!stream.open && !stream.refused) continue;
      this.#adopt(stream, editor).catch((error: unknown) =>
        this.#context.log.warn(`stream ${stream.folder}: ${(error as Error).message}`),
      );
    }
    return mine;
  }

  /** A node went. `removed`: from the flow; its streams are delivered on and finalized unless it returns. */
  async detach(node: string, removed: boolean): Promise<void> {
    this.#present.delete(node);
    const mine = [...this.#streams].filter((stream) => stream.owner.node === node);
    await Promise.all(
      mine.map(async (stream) => {
        await stream.sync();
        if (removed)
          await this.#records.get(stream)?.update((data) => {
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
    const stream = new RheedStream(this.#context, record, { sidecars: [], problems: [] });
    return this.#begin(stream, record, onFirstData);
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
    const stream = new TimeseriesStream(this.#context, record, { sidecars: [], problems: [] }, open);
    return this.#begin(stream, record, onFirstData);
  }

  #create(
    kind: StreamKind,
    owner: Owner,
    settings: RawSettings,
    editor: RawSettings,
    name: string | null,
    topic?: string,
  ) {
    this.#present.add(owner.node);
    return this.#folder.create({
      kind,
      owner,
      name,
      endpoint: this.#context.api.endpoint,
      settings: { ...settings },
      editor: { ...editor },
      begun: false,
      ...(topic === undefined ? {} : { topic }),
    });
  }

  async #begin<T extends AnyStream>(stream: T, record: RecordFile, onFirstData: boolean): Promise<T> {
    this.#keep(stream, record);
    if (!onFirstData) await stream.begin();
    return stream;
  }

  #keep(stream: AnyStream, record: RecordFile): void {
    this.#streams.add(stream);
    this.#records.set(stream, record);
    stream.once('end', () => {
      this.#streams.delete(stream);
      this.#records.delete(stream);
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
    if (record.data.finalize === 'done') {
      // The process ended before the folder was removed; what is in quarantine stays.
      if (record.data.counts.quarantined === 0) await rm(record.folder, { recursive: true, force: true });
      return;
    }
    const { sidecars, problems, openNumber } = await recoverFolder(record);
    const isEmpty = sidecars.length === 0 && problems.length === 0 && openNumber === undefined;
    if (!record.data.begun && isEmpty) {
      // Data was to open it and none was accepted.
      await rm(record.folder, { recursive: true, force: true });
      return;
    }
    record.data.begun = true;
    let stream: AnyStream;
    if (record.data.kind === 'rheed') {
      stream = new RheedStream(this.#context, record, { sidecars: sidecars as RheedSidecar[], problems });
    } else {
      const open = new OpenChunk(
        record.folder,
        timeseriesSettings(record.data.settings).fill,
        record.data.next_number,
      );
      const reopened = openNumber === undefined ? undefined : await open.reopen(openNumber);
      if (reopened?.sealed !== undefined) sidecars.push(reopened.sealed);
      if (openNumber !== undefined && reopened === undefined)
        problems.push(await quarantineNumber(record, openNumber, 'its journal cannot be read'));
      stream = new TimeseriesStream(
        this.#context,
        record,
        { sidecars: sidecars as TimeseriesSidecar[], problems },
        open,
      );
    }
    this.#keep(stream, record);
  }

  async #adopt(stream: AnyStream, editor: RawSettings): Promise<void> {
    const record = this.#records.get(stream);
    if (record !== undefined) await adoptEditor(stream, record, editor);
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
    const now = Date.now();
    let openBytes = 0;
    for (const stream of this.#streams) {
      try {
        stream.tick();
        await stream.sync();
        openBytes += await stream.openBytes();
        await this.#endIfAbandoned(stream, now);
      } catch (error) {
        this.#context.log.warn(`stream ${stream.folder}: ${(error as Error).message}`);
      }
    }
    await this.#context.budget.refresh(openBytes);
  }

  async #endIfAbandoned(stream: AnyStream, now: number): Promise<void> {
    const data = this.#records.get(stream)?.data;
    if (data === undefined || !stream.open || this.#present.has(data.owner.node)) return;
    const end = data.removed_at === null ? data.last_data + ABSENT_GRACE : data.removed_at + REMOVED_GRACE;
    if (now >= end) await stream.finalize();
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
      this.#folder.release();
    }
  }
}
