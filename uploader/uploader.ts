import { resolve } from 'node:path';
import { Access } from './access.js';
import { ApiClient, DEFAULT_ENDPOINT } from './api/client.js';
import { Clock } from './clock.js';
import type { Context } from './context.js';
import { Delivery } from './delivery.js';
import type { AtomscaleError, SpoolError } from './errors.js';
import { CalmLog, type Logger, loggerOf } from './log.js';
import { QuarantineDesk } from './quarantine-desk.js';
import type { RheedStream } from './rheed.js';
import { Shared } from './shared.js';
import { AccountFolder } from './spool/account-folder.js';
import { AccountRecord } from './spool/account-record.js';
import { Budget } from './spool/budget.js';
import { KeptChunks } from './spool/kept.js';
import { type AnyStream, Streams } from './streams.js';
import type { TimeseriesStream } from './timeseries.js';
import type { RawSettings, StreamKind } from './types.js';

export type { AnyStream, Logger };

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

/** How often kept chunks are looked through. */
const PRUNE_INTERVAL = 3_600_000;

const shared = new Shared<Uploader>();

/** An account at work: its spool, its streams, its connection. One per account folder in a process. */
export class Uploader {
  readonly #key: string;
  readonly #folder: AccountFolder;
  readonly #context: Context;
  readonly #log: CalmLog;
  readonly #closing: AbortController;
  readonly #streams: Streams;
  /** What a person does with the chunks in quarantine. */
  readonly quarantine: QuarantineDesk;
  #nextPrune = 0;
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
        () => [...this.#streams].map(({ shipping }) => shipping),
      ),
    };
    delivery.hold(this.#context.access.refusal !== undefined);
    this.#streams = new Streams(this.#context, folder);
    this.quarantine = new QuarantineDesk(this.#context, folder, this.#streams);
  }

  /**
   * The account's uploader; the same one for all who ask for the same folder. What an earlier process left is
   * recovered when this resolves, and its delivery begins.
   *
   * @throws AtomscaleError ERR_SPOOL, ERR_NATIVE
   */
  static async acquire(options: UploaderOptions): Promise<Uploader> {
    const key = resolve(options.spoolDir, options.id);
    return shared.acquire(key, () => Uploader.#start(key, options));
  }

  static async #start(key: string, options: UploaderOptions): Promise<Uploader> {
    const log = new CalmLog(options.logger ?? loggerOf(1));
    const folder = await AccountFolder.open(options.spoolDir, options.id);
    try {
      const uploader = new Uploader(
        key,
        folder,
        options,
        new Delivery(options.uploads ?? 4, log),
        await AccountRecord.read(folder.path),
        log,
      );
      await uploader.#streams.recover();
      // Whoever asked for it listens first: a stream that ends at once is heard.
      setImmediate(() => {
        if (!uploader.#closing.signal.aborted) uploader.#streams.resume();
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
    await shared.release(this.#key, () => this.#close());
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

  /** A node is there, or there again: gives its streams, those that still deliver too. */
  attach(node: string, kind: StreamKind, editor: RawSettings): AnyStream[] {
    return this.#streams.attach(node, kind, editor);
  }

  /** A node went. `removed`: from the flow; its streams are delivered on and finalized unless it returns. */
  detach(node: string, removed: boolean): Promise<void> {
    return this.#streams.detach(node, removed);
  }

  /** Opens a RHEED stream; resolves when the intent is on disk. */
  startRheed(...start: Parameters<Streams['startRheed']>): Promise<RheedStream> {
    return this.#streams.startRheed(...start);
  }

  /** Opens a timeseries stream, likewise. */
  startTimeseries(...start: Parameters<Streams['startTimeseries']>): Promise<TimeseriesStream> {
    return this.#streams.startTimeseries(...start);
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
    this.#context.clock.watch();
    await this.#context.budget.refresh(await this.#streams.tick());
    await this.quarantine.answerRequests();
    if (now < this.#nextPrune) return;
    this.#nextPrune = now + PRUNE_INTERVAL;
    // Of what is kept after its delivery the oldest goes, and with the last of it the folder of its stream.
    const { kept } = this.#context;
    await kept.prune();
    await this.quarantine.removeBare();
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
      await this.#streams.close();
      await access.settled();
    } finally {
      this.#log.close();
      this.#folder.release();
    }
  }
}
