import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ClockStatus } from './clock.js';
import { ApiError, AtomscaleError, SpoolError } from './errors.js';
import { loggerOf } from './log.js';
import type { QuarantinedStream, Selection } from './quarantine-desk.js';
import type { Owner, Report, StatusEvent, StreamEvent } from './types.js';
import { type AnyStream, Uploader } from './uploader.js';

export interface StreamerOptions {
  /** Blank: the environment's AS_API_KEY. */
  readonly apiKey?: string;
  /** Blank: the environment's AS_API_ENDPOINT, else https://api.atomscale.ai. */
  readonly endpoint?: string;
  /** 0 silent, 1 errors (default), 2 warnings, 3 information, 4 everything. */
  readonly verbosity?: number;
  /** Folder that keeps data until it is delivered; `~/.atomscale/spool` by default. */
  readonly spoolDir?: string;
  /** Bytes the spool may take; 50 GB by default. */
  readonly spoolMaxBytes?: number;
  /** Bytes that stay free on the disk; 2 GB by default. */
  readonly spoolMinFreeBytes?: number;
  /** Days that delivered chunks stay in the spool; 0 by default. */
  readonly keepUploaded?: number;
  /** Transfers at once; 4 by default. */
  readonly uploads?: number;
  /** Compare the clock with the service's; true by default. */
  readonly clockSync?: boolean;
  /** Seconds within which `initialize` must reach the service; 60 by default. */
  readonly openTimeout?: number;
}

export interface FinalizeOptions {
  /** Seconds to wait for what is still to be delivered; without end by default. */
  readonly drainTimeout?: number;
}

export interface SpoolStatus {
  readonly spool_bytes: number;
  readonly streams: readonly StatusEvent[];
}

/** Library processes side by side each need a spool of their own. */
const MAX_PROCESSES = 64;

/** What the two streamers of the library have in common: streams by their data_id. */
export abstract class Streamer<T extends AnyStream> {
  readonly #options: StreamerOptions;
  readonly #streams = new Map<string, T>();
  /** Calls that need the uploader now. */
  #calls = 0;
  /** Streams whose `finalize` was given up waiting for. */
  readonly #draining = new Set<T>();
  #uploader: Promise<Uploader> | undefined;
  #current: Uploader | undefined;

  constructor(options: StreamerOptions = {}) {
    this.#options = options;
  }

  /** State of the spool and of the streams opened here. */
  spoolStatus(): SpoolStatus {
    return {
      spool_bytes: this.#current?.spoolBytes ?? 0,
      streams: [...this.#streams.values()].map((stream) => stream.status()),
    };
  }

  /** How far this host's clock is from the service's. */
  clockStatus(): ClockStatus {
    return (
      this.#current?.clockStatus ?? {
        synced: false,
        offset_ms: null,
        uncertainty_ms: null,
        samples: 0,
        last_sync: null,
      }
    );
  }

  /**
   * Ends a stream once every chunk is delivered, whatever failed in between.
   *
   * @throws ApiError when `drainTimeout` passes before: the intent stays in the spool, and delivery goes on as
   *   long as the process lives and in the next one that uses the spool
   */
  async finalize(dataId: string, { drainTimeout }: FinalizeOptions = {}): Promise<Report> {
    const stream = this.streamOf(dataId);
    const finalized = this.#event(stream, (event) => event.event === 'finalized', { seconds: drainTimeout });
    try {
      const [{ report }] = await Promise.all([finalized.event, stream.finalize()]);
      return report as Report;
    } catch (error) {
      if (!(error instanceof Timeout)) throw error;
      this.#draining.add(stream);
      stream.once('end', () => {
        this.#draining.delete(stream);
        this.#releaseIfIdle().catch(() => undefined);
      });
      const { chunks_pending } = stream.status();
      throw new ApiError(
        'finalize',
        `stream ${dataId}: ${chunks_pending} chunks are not delivered after ${drainTimeout} s; they stay in ${stream.folder} ` +
          'and go out while this process lives, or when the next one starts',
      );
    } finally {
      finalized.forget();
      if (!stream.open) this.#streams.delete(dataId);
      await this.#releaseIfIdle();
    }
  }

  /** Chunks of this spool, whatever process made them, that could be neither read nor delivered. */
  quarantined(selection: Selection = {}): Promise<QuarantinedStream[]> {
    return this.#with((uploader) => uploader.quarantine.list(selection));
  }

  /**
   * Sends chunks from the quarantine again: those of a stream that is open here under their own index, those of a
   * finished one as its continuation, which this waits for.
   *
   * @returns how many
   * @throws ApiError when `drainTimeout` passes before; delivery goes on as after `finalize`
   */
  retryQuarantined(selection: Selection = {}, { drainTimeout }: FinalizeOptions = {}): Promise<number> {
    return this.#with(async (uploader) => {
      const { chunks, revived } = await uploader.quarantine.retry(selection);
      const ends = revived.map((stream) =>
        this.#event(stream, ({ event }) => event === 'finalized', { seconds: drainTimeout }),
      );
      try {
        await Promise.all(ends.map(({ event }) => event));
      } catch (error) {
        if (!(error instanceof Timeout)) throw error;
        throw new ApiError(
          'retry',
          `not all chunks are delivered after ${drainTimeout} s; they stay in the spool`,
        );
      } finally {
        for (const { forget } of ends) forget();
      }
      return chunks.length;
    });
  }

  /** Deletes chunks from the quarantine for good. Gives how many. */
  discardQuarantined(selection: Selection = {}): Promise<number> {
    return this.#with(async (uploader) => (await uploader.quarantine.discard(selection)).length);
  }

  /** Lets the spool go; what is not delivered stays in it. */
  async close(): Promise<void> {
    this.#streams.clear();
    this.#draining.clear();
    await this.#releaseIfIdle();
  }

  protected streamOf(dataId: string): T {
    const stream = this.#streams.get(dataId);
    if (stream !== undefined) return stream;
    throw new AtomscaleError(
      'ERR_NOT_STARTED',
      `no open stream ${JSON.stringify(dataId)} here; call initialize() first`,
    );
  }

  /** Opens a stream and waits for the service's answer. */
  protected async open(start: (uploader: Uploader, owner: Owner) => Promise<T>): Promise<string> {
    return this.#with(async (uploader) => {
      const stream = await start(uploader, { node: `library-${randomUUID()}`, stream: '' });
      const dataId = await this.#opened(uploader, stream);
      this.#streams.set(dataId, stream);
      return dataId;
    });
  }

  async #with<R>(use: (uploader: Uploader) => Promise<R>): Promise<R> {
    this.#calls += 1;
    try {
      return await use(await this.#acquire());
    } finally {
      this.#calls -= 1;
      await this.#releaseIfIdle();
    }
  }

  async #opened(uploader: Uploader, stream: T): Promise<string> {
    const { openTimeout = 60 } = this.#options;
    try {
      const answered = this.#event(stream, ({ event }) => event === 'opened' || event === 'failed', {
        seconds: openTimeout,
        refusal: () => uploader.paused?.error,
      });
      const { error, data_id } = await answered.event;
      if (error === undefined) return data_id as string;
      throw stream.lastError ?? new AtomscaleError('ERR_API', error.message);
    } catch (error) {
      const last = stream.lastError;
      await stream.discard();
      if (!(error instanceof Timeout)) throw error;
      throw new ApiError(
        'initialize',
        `the service was not reached within ${openTimeout} s: ${last?.message ?? 'no answer'}`,
        {
          cause: last,
        },
      );
    }
  }

  /**
   * The next event of a kind, from a stream that may emit others before. The process lives while it is awaited.
   *
   * @param seconds after which it rejects with Timeout
   * @param refusal an error that ends the waiting
   */
  #event(
    stream: AnyStream,
    wanted: (event: StreamEvent) => boolean,
    { seconds = Number.POSITIVE_INFINITY, refusal }: Waiting,
  ): { event: Promise<StreamEvent>; forget(): void } {
    const end = performance.now() + seconds * 1000;
    let forget = (): void => {};
    const event = new Promise<StreamEvent>((resolve, reject) => {
      const listen = (one: StreamEvent): void => {
        if (!wanted(one)) return;
        forget();
        resolve(one);
      };
      const timer = setInterval(() => {
        const error = refusal?.() ?? (performance.now() >= end ? new Timeout() : undefined);
        if (error === undefined) return;
        forget();
        reject(error);
      }, 20);
      forget = () => {
        clearInterval(timer);
        stream.off('stream', listen);
      };
      stream.on('stream', listen);
    });
    return { event, forget };
  }

  async #acquire(): Promise<Uploader> {
    this.#uploader ??= this.#acquireFree();
    try {
      this.#current = await this.#uploader;
      return this.#current;
    } catch (error) {
      this.#uploader = undefined;
      throw error;
    }
  }

  async #acquireFree(): Promise<Uploader> {
    const {
      spoolDir = join(homedir(), '.atomscale', 'spool'),
      verbosity = 1,
      openTimeout: _,
      ...rest
    } = this.#options;
    const logger = loggerOf(verbosity);
    for (let number = 1; ; number += 1) {
      const id = number === 1 ? 'library' : `library-${number}`;
      try {
        return await Uploader.acquire({ ...rest, id, spoolDir, logger });
      } catch (error) {
        const isLocked = error instanceof SpoolError && error.message.startsWith('locked');
        if (!isLocked || number >= MAX_PROCESSES) throw error;
      }
    }
  }

  async #releaseIfIdle(): Promise<void> {
    const users = this.#streams.size + this.#calls + this.#draining.size;
    if (users > 0 || this.#uploader === undefined) return;
    const uploader = this.#uploader;
    this.#uploader = undefined;
    await (await uploader).release();
  }
}

interface Waiting {
  readonly seconds?: number | undefined;
  readonly refusal?: () => Error | undefined;
}

class Timeout extends Error {}
