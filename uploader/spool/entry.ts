import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { decodeChecked, encodeChecked } from './checked-json.js';
import { codeOf, numbered, replace, writeDurably } from './files.js';

const shared = {
  version: v.literal(1),
  number: v.number(),
  chunk_index: v.number(),
  bytes: v.number(),
  /** The clock correction fixed at the first send, so that a repeat is identical; null = clock not compared. */
  clock: v.optional(v.nullable(v.object({ offsetMs: v.number(), uncertaintyMs: v.number() }))),
};

const Sidecar = v.variant('kind', [
  v.object({
    ...shared,
    kind: v.literal('rheed'),
    frames: v.number(),
    height: v.number(),
    width: v.number(),
    start_ms: v.number(),
    shard_crc32c: v.string(),
  }),
  v.object({
    ...shared,
    kind: v.literal('timeseries'),
    rows: v.number(),
    points: v.number(),
    /** An early send got no answer: it may land after the sealed chunk, which is then sent once more. */
    early_unanswered: v.boolean(),
  }),
]);

/** What is known of a chunk beside its data: `NNNNNN.json`. */
export type Sidecar = v.InferOutput<typeof Sidecar>;
export type RheedSidecar = Extract<Sidecar, { kind: 'rheed' }>;
export type TimeseriesSidecar = Extract<Sidecar, { kind: 'timeseries' }>;

/** A sealed chunk that waits for its delivery. */
export interface Entry<S extends Sidecar = Sidecar> {
  sidecar: S;
  /** Found at start: its checksum is compared before it is sent. */
  unverified: boolean;
  /** The host's clock when it was stamped (`clock.ts`); not known of those found at start. */
  readonly hostClock: number | undefined;
  /** Unix ms. */
  readonly sealedAt: number;
  inFlight: boolean;
  attempts: number;
  /** Monotonic, as `performance.now()`. */
  notBefore: number;
}

/** @param hostClock undefined: found at start */
export function entryOf<S extends Sidecar>(sidecar: S, hostClock?: number): Entry<S> {
  const unverified = hostClock === undefined;
  return {
    sidecar,
    unverified,
    hostClock,
    sealedAt: unverified ? 0 : Date.now(),
    inFlight: false,
    attempts: 0,
    notBefore: 0,
  };
}

/** Frames or points of a chunk. */
export const itemsOf = (sidecar: Sidecar): number =>
  sidecar.kind === 'rheed' ? sidecar.frames : sidecar.points;

/** Writes a chunk's sidecar, on the disk platter with its name. */
export async function writeSidecar(folder: string, sidecar: Sidecar): Promise<void> {
  await writeDurably(numbered(folder, sidecar.number, 'json'), encodeChecked(sidecar));
}

/** The same for whoever syncs the folder afterwards, with other names in it. */
export async function placeSidecar(folder: string, sidecar: Sidecar): Promise<void> {
  await replace(numbered(folder, sidecar.number, 'json'), encodeChecked(sidecar));
}

/** A chunk's sidecar; undefined when it is missing or damaged. */
export async function readSidecar(folder: string, number: number): Promise<Sidecar | undefined> {
  try {
    return sidecarOf(await readFile(numbered(folder, number, 'json'), 'utf8'), number);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The sidecar of that number whose text this is; undefined when it does not hold. */
export function sidecarOf(text: string, number: number): Sidecar | undefined {
  const parsed = v.safeParse(Sidecar, decodeChecked(text));
  return parsed.success && parsed.output.number === number ? parsed.output : undefined;
}
