import { join } from 'node:path';
import * as v from 'valibot';
import { SpoolError } from '../errors.js';
import { decodeChecked, encodeChecked } from './checked-json.js';
import { spoolError } from './files.js';
import { migrated } from './migrate.js';
import { readRecord, repairRecord, replaceRecord } from './record-copies.js';
import { Saver } from './saver.js';

export const SPOOL_VERSION = 2;
const FILE = 'stream.json';

const Link = v.object({
  what: v.picklist(['physical sample', 'project', 'tags']),
  /** Reported refusals are not tried again. */
  state: v.picklist(['wanted', 'done', 'refused']),
});

/** A stream as the service knows it. A continuation is another one for the same local stream. */
const Generation = v.object({
  data_id: v.nullable(v.string()),
  name: v.nullable(v.string()),
  /** Chunk index here that is index 0 there. */
  base: v.number(),
  /** `creating` is on disk before the create call: a crash in between is seen and reported. */
  opening: v.picklist(['wanted', 'creating', 'done', 'refused']),
  error: v.optional(v.object({ code: v.string(), message: v.string() })),
  sample_id: v.optional(v.string()),
  tag_ids: v.optional(v.array(v.string())),
  links: v.array(Link),
});
export type Generation = v.InferOutput<typeof Generation>;

/** Failures in a row, and when it is tried again: a restart neither hurries nor forgets since when. */
const Trouble = v.object({
  /** Unix ms. */
  since: v.number(),
  failures: v.number(),
  /** Unix ms, and how long the wait was: the clock may be set in between. */
  next_try: v.number(),
  wait: v.number(),
  error: v.object({ code: v.string(), message: v.string() }),
});

const Record = v.object({
  version: v.literal(SPOOL_VERSION),
  kind: v.picklist(['rheed', 'timeseries']),
  account: v.string(),
  endpoint: v.string(),
  owner: v.object({ node: v.string(), stream: v.string() }),
  topic: v.optional(v.string()),
  settings: v.record(v.string(), v.unknown()),
  editor: v.record(v.string(), v.unknown()),
  created: v.number(),
  /** False until the first data of a stream that data opens: nothing is told to the service before. */
  begun: v.boolean(),
  generations: v.pipe(v.array(Generation), v.minLength(1)),
  next_number: v.number(),
  /** Frame size of the stream, 0 while unknown. */
  height: v.number(),
  width: v.number(),
  finalize: v.picklist(['no', 'wanted', 'done']),
  /** When the owner left the flow, Unix ms. */
  removed_at: v.nullable(v.number()),
  last_data: v.number(),
  last_upload: v.nullable(v.number()),
  /** What keeps the stream from the service now; null while it goes well. */
  trouble: v.nullable(Trouble),
  counts: v.object({
    uploaded: v.number(),
    /** Given up: on a full disk, or by a person. What is in quarantine is counted by looking there. */
    dropped: v.number(),
    /** Frames, or points, of those, and how many bytes of them went up. */
    items: v.number(),
    bytes: v.number(),
  }),
  /** Chunks given up, as runs: first index, last index, reason. */
  lost: v.array(v.tuple([v.number(), v.number(), v.string()])),
  /** The open chunk and the length of its journal when the stream was last closed: it only grows. */
  left: v.optional(v.object({ number: v.number(), bytes: v.number() })),
  /** Delivered chunks whose files may still be there: not to be sent again. */
  acknowledged: v.array(v.number()),
});
export type StreamRecord = v.InferOutput<typeof Record>;

/** Notes that a chunk was given up. */
export function lose(data: StreamRecord, chunkIndex: number, reason: string): void {
  data.counts.dropped += 1;
  const last = data.lost.at(-1);
  if (last?.[1] === chunkIndex - 1 && last[2] === reason) last[1] = chunkIndex;
  else data.lost.push([chunkIndex, chunkIndex, reason]);
}

/** A record of a format that this version does not know. */
export class NewerSpoolError extends SpoolError {}

/** The stream's `stream.json`: changed in memory at once, on disk before `update` resolves. */
export class RecordFile {
  readonly folder: string;
  readonly data: StreamRecord;
  /** The last record does not hold, this is the one before it: `repair` comes first. */
  readonly damage: SpoolError | undefined;
  readonly #saver = new Saver(() => this.#write());

  constructor(folder: string, data: StreamRecord, damage?: SpoolError) {
    this.folder = folder;
    this.data = data;
    this.damage = damage;
  }

  /**
   * Reads a stream's record.
   *
   * @returns undefined when there is none
   * @throws SpoolError when it and the one before it are damaged, or of another version
   */
  static async read(folder: string): Promise<RecordFile | undefined> {
    const path = join(folder, FILE);
    const found = await readRecord(path, (text, file) => checked(folder, text, file));
    if (found === undefined) return undefined;
    if (typeof found === 'string') throw new SpoolError('ERR_SPOOL', path, `${path}: damaged (${found})`);
    if (found.damage === undefined) return new RecordFile(folder, found.data);
    const damage = new SpoolError(
      'ERR_SPOOL',
      path,
      `${path}: damaged (${found.damage}); recovery keeps it as ${FILE}.damaged, delivers the chunks beside it by the ` +
        'record before it, and ends the stream: its next data opens another one',
    );
    return new RecordFile(folder, found.data, damage);
  }

  /**
   * Writes the earlier record in the place of the damaged one. The stream takes no more data: which chunk numbers were
   * used since that record nobody knows.
   */
  async repair(): Promise<void> {
    if (this.data.finalize === 'no') this.data.finalize = 'wanted';
    const path = join(this.folder, FILE);
    await repairRecord(path, encodeChecked(this.data)).catch((error: unknown) => {
      throw spoolError(error, path, 'repairing');
    });
  }

  /** The stream as the service knows it now. */
  get generation(): Generation {
    return this.data.generations.at(-1) as Generation;
  }

  /** Changes the record; calls that come while a write is under way share the next one. */
  update(change: (data: StreamRecord) => void): Promise<void> {
    change(this.data);
    return this.#saver.save();
  }

  /** Waits for writes under way. */
  settled(): Promise<void> {
    return this.#saver.settled();
  }

  async #write(): Promise<void> {
    const path = join(this.folder, FILE);
    try {
      await replaceRecord(path, encodeChecked(this.data));
    } catch (error) {
      throw spoolError(error, path, 'writing');
    }
  }
}

/** @throws NewerSpoolError */
async function checked(folder: string, text: string, path: string): Promise<{ data: StreamRecord } | string> {
  const data = decodeChecked(text);
  const version = (data as { version?: unknown } | undefined)?.version;
  if (typeof version === 'number' && version > SPOOL_VERSION) {
    throw new NewerSpoolError(
      'ERR_SPOOL',
      path,
      `${path}: written by a newer version (format ${version}, this is ${SPOOL_VERSION}); left alone, install the newer version`,
    );
  }
  if (data === undefined) return 'checksum';
  const parsed = v.safeParse(Record, await migrated(folder, data));
  return parsed.success ? { data: parsed.output } : parsed.issues[0].message;
}
