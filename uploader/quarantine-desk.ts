import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Context } from './context.js';
import { chosen, discardQuarantined, retryInFolder } from './quarantine-actions.js';
import type { AccountFolder } from './spool/account-folder.js';
import type { KeptChunks } from './spool/kept.js';
import { Quarantine, type QuarantinedChunk } from './spool/quarantine.js';
import { answerRequests } from './spool/requests.js';
import type { RecordFile } from './spool/stream-record.js';
import type { AnyStream, Streams } from './streams.js';
import type { Owner, StreamKind } from './types.js';

/** Which chunks are meant; what is left out means all. */
export interface Selection {
  /** Name of the stream's folder. */
  readonly stream?: string;
  readonly owner?: Owner;
  /** Chunk indexes. */
  readonly chunks?: readonly number[];
}

/** What of a stream is in quarantine. */
export interface QuarantinedStream {
  /** Name of its folder. */
  readonly stream: string;
  readonly kind: StreamKind;
  readonly owner: Owner;
  readonly name: string | null;
  readonly data_id: string | null;
  readonly chunks: readonly QuarantinedChunk[];
}

interface Place {
  readonly record: RecordFile;
  readonly quarantine: Quarantine;
  /** Undefined when it has ended. */
  readonly stream?: AnyStream;
  readonly chunks: readonly QuarantinedChunk[];
}

/** What a person does with the chunks in quarantine, of the account's open and finished streams. */
export class QuarantineDesk {
  readonly #folder: AccountFolder;
  readonly #streams: Streams;
  readonly #kept: KeptChunks;
  /** One action after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor({ kept }: Pick<Context, 'kept'>, folder: AccountFolder, streams: Streams) {
    this.#folder = folder;
    this.#streams = streams;
    this.#kept = kept;
  }

  async list(selection: Selection = {}): Promise<QuarantinedStream[]> {
    const places = await this.#places(selection);
    return places.map(({ record, chunks }) => ({
      stream: basename(record.folder),
      kind: record.data.kind,
      owner: record.data.owner,
      name: record.generation.name,
      data_id: record.generation.data_id,
      chunks,
    }));
  }

  /**
   * Sends chunks again: an open stream under their own index, a finished one as its continuation.
   *
   * @returns the chunks, and the streams that go on although they had ended
   */
  retry(selection: Selection = {}): Promise<{ chunks: QuarantinedChunk[]; revived: AnyStream[] }> {
    return this.#enqueue(async () => {
      const revived: AnyStream[] = [];
      const places = await this.#places(selection);
      for (const { record, quarantine, stream, chunks } of places) {
        if (stream !== undefined) {
          await stream.retryQuarantined(chunks);
          continue;
        }
        const found = await retryInFolder(record, quarantine, chunks, this.#kept);
        if (found.sidecars.length > 0) revived.push(await this.#streams.revive(record, found));
      }
      return { chunks: places.flatMap(({ chunks }) => chunks), revived };
    });
  }

  /** Deletes chunks for good; the report counts them as dropped. */
  discard(selection: Selection = {}): Promise<QuarantinedChunk[]> {
    return this.#enqueue(async () => {
      const places = await this.#places(selection);
      for (const { record, quarantine, stream, chunks } of places) {
        await discardQuarantined(record, quarantine, chunks);
        const isOver =
          stream === undefined && quarantine.size === 0 && !(await this.#kept.has(record.folder));
        if (isOver) await rm(record.folder, { recursive: true, force: true });
      }
      return places.flatMap(({ chunks }) => chunks);
    });
  }

  /**
   * Removes the folders of finished streams that hold nothing any more. Not while something is done here: chunks on
   * their way back are for a moment neither in quarantine nor in a stream.
   */
  removeBare(): Promise<void> {
    return this.#enqueue(() => this.#folder.removeBare(this.#kept));
  }

  /** Does what was asked on the command line. */
  async answerRequests(): Promise<void> {
    await answerRequests(this.#folder.path, async ({ action, stream, chunks }) => {
      const selection = { stream, ...(chunks === null ? {} : { chunks }) };
      const done = action === 'retry' ? (await this.retry(selection)).chunks : await this.discard(selection);
      return done.map(({ chunk_index }) => chunk_index);
    });
  }

  async #places({ stream: name, owner, chunks }: Selection): Promise<Place[]> {
    const places: Place[] = [];
    const live = new Map([...this.#streams].map((stream) => [stream.folder, stream]));
    const ended = (await this.#folder.finished()).filter(({ folder }) => !live.has(folder));
    for (const record of [...[...this.#streams].map((stream) => stream.record), ...ended]) {
      if (name !== undefined && basename(record.folder) !== name) continue;
      const stream = live.get(record.folder);
      const { node, stream: key } = record.data.owner;
      if (owner !== undefined && (owner.node !== node || owner.stream !== key)) continue;
      const quarantine = stream?.quarantine ?? (await Quarantine.load(record.folder));
      const selected = chosen(quarantine, chunks);
      if (selected.length > 0)
        places.push({ record, quarantine, ...(stream && { stream }), chunks: selected });
    }
    return places;
  }

  #enqueue<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#work.then(step);
    this.#work = done.catch(() => undefined);
    return done;
  }
}
