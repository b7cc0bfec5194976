import { rm } from 'node:fs/promises';
import { adoptEditor } from './adopt-editor.js';
import type { Context } from './context.js';
import { AtomscaleError } from './errors.js';
import { retryInFolder } from './quarantine-actions.js';
import { RheedStream } from './rheed.js';
import { rheedSettings, timeseriesSettings } from './settings.js';
import type { AccountFolder } from './spool/account-folder.js';
import type { RheedSidecar, TimeseriesSidecar } from './spool/entry.js';
import { Quarantine } from './spool/quarantine.js';
import { holdsChunks, quarantineNumber, type Recovered, recoverFolder } from './spool/recovery.js';
import type { RecordFile } from './spool/stream-record.js';
import { nothing } from './stream.js';
import { OpenChunk } from './timeseries/open-chunk.js';
import { TimeseriesStream } from './timeseries.js';
import type { Owner, RawSettings, StreamKind } from './types.js';

export type AnyStream = RheedStream | TimeseriesStream;

/** A removed node's streams are finalized unless it returns. */
const REMOVED_GRACE = 10 * 60_000;
/** A stream whose node is absent since the start is finalized this long after its last data. */
const ABSENT_GRACE = 2 * 3_600_000;
/** Streams that take data at the same time: each holds files open, and `msg.stream` may tell any number apart. */
const MAX_OPEN = 256;

/** An account's streams: opened here or found on disk, with their node or without. */
export class Streams {
  readonly #context: Context;
  readonly #folder: AccountFolder;
  readonly #all = new Set<AnyStream>();
  /**
   * Streams whose node is not there, and when they are finalized unless it returns: on the monotonic clock, since a
   * lab PC may get its time only after the start.
   */
  readonly #absent = new Map<AnyStream, number>();
  /** Streams that are being created. */
  #creating = 0;

  constructor(context: Context, folder: AccountFolder) {
    this.#context = context;
    this.#folder = folder;
  }

  [Symbol.iterator](): IterableIterator<AnyStream> {
    return this.#all.values();
  }

  /**
   * A node is there, or there again: gives its streams, those that still deliver too. Where `editor` tells the
   * service something else than when the stream opened, the stream is finalized; local settings apply at once.
   */
  attach(node: string, kind: StreamKind, editor: RawSettings): AnyStream[] {
    const mine = [...this.#all].filter((stream) => stream.kind === kind && stream.owner.node === node);
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
    const mine = [...this.#all].filter((stream) => stream.owner.node === node);
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

  /** Finds what an earlier process left; `resume` lets it go on. */
  async recover(): Promise<void> {
    const { log, kept } = this.#context;
    const { records, problems } = await this.#folder.streams();
    for (const problem of problems) log.error(problem.message);
    for (const record of records) {
      try {
        await (record.data.finalize === 'done' ? this.#recoverFinished(record) : this.#recoverOne(record));
      } catch (error) {
        log.error(`stream ${record.folder}: ${(error as Error).message}`);
      }
    }
    await this.#folder.removeBare(kept);
  }

  /** Lets those that were found go on. */
  resume(): void {
    for (const stream of this.#all) stream.resume();
  }

  /** Lets a stream go on that had ended: chunks came back from its quarantine. */
  async revive(record: RecordFile, found: Recovered): Promise<AnyStream> {
    const stream = await this.#found(record, found);
    stream.resume();
    return stream;
  }

  /**
   * Once a second: open chunks are synced, streams without a node end in their time.
   *
   * @returns bytes of the open chunks
   */
  async tick(): Promise<number> {
    const now = performance.now();
    const sizes = await Promise.all([...this.#all].map((stream) => this.#tickOne(stream, now)));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#all].map((stream) => stream.close()));
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
    for (const stream of this.#all) if (stream.open) open += 1;
    if (open <= MAX_OPEN) return;
    throw new AtomscaleError(
      'ERR_OVERLOAD',
      `expected at most ${MAX_OPEN} open streams of an account, got one more; finalize those that are over ` +
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
    this.#all.add(stream);
    stream.once('end', () => {
      this.#all.delete(stream);
      this.#absent.delete(stream);
    });
  }

  async #recoverOne(record: RecordFile): Promise<void> {
    const { kept } = this.#context;
    const found = await recoverFolder(record, kept);
    const { sidecars, problems, unsealed, openNumber } = found;
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

  /** The process ended while chunks came back from the quarantine of a stream that had ended. */
  async #recoverFinished(record: RecordFile): Promise<void> {
    if (!(await holdsChunks(record.folder))) return;
    const found = await retryInFolder(record, await Quarantine.load(record.folder), [], this.#context.kept);
    if (found.sidecars.length > 0) await this.#found(record, found);
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
      const last = sidecars.at(-1);
      if (openNumber === undefined && last !== undefined) await open.carryFrom(last.number);
      if (reopened?.sealed !== undefined) sidecars.push(reopened.sealed);
      if (openNumber !== undefined && reopened === undefined)
        problems.push(await quarantineNumber(record, quarantine, openNumber, 'its journal cannot be read'));
      const remainder = { sidecars: sidecars as TimeseriesSidecar[], problems, unsealed, quarantine };
      stream = new TimeseriesStream(this.#context, record, remainder, open);
    }
    this.#keep(stream);
    return stream;
  }

  /** Gives the bytes of its open chunk; one stream's trouble is not the others'. */
  async #tickOne(stream: AnyStream, now: number): Promise<number> {
    try {
      stream.tick();
      await stream.sync();
      const end = this.#absent.get(stream) ?? Number.POSITIVE_INFINITY;
      if (stream.open && now >= end) await stream.finalize();
      return await stream.openBytes();
    } catch (error) {
      this.#context.log.warn(`stream ${stream.folder}: ${(error as Error).message}`);
      return 0;
    }
  }
}
