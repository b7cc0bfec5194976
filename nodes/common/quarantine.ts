import { AtomscaleError } from '../../uploader/errors.js';
import type { Owner } from '../../uploader/types.js';
import type { AnyStream, Uploader } from '../../uploader/uploader.js';
import { describe, type Message } from './kinds.js';

export const QUARANTINE_ACTIONS = ['quarantine', 'retry', 'discard'] as const;
/** `quarantine` lists, `retry` sends again, `discard` deletes for good. */
export type QuarantineAction = (typeof QUARANTINE_ACTIONS)[number];

/** A chunk in quarantine, as a status message lists it. */
export interface ListedChunk {
  readonly chunk_index: number;
  readonly reason: string;
  /** Unix ms. */
  readonly at: number;
  readonly bytes: number;
  readonly code?: string;
  /** What the service answered. */
  readonly status?: number;
}

/**
 * `msg.chunks`: the chunk indexes that an action is for; undefined = all.
 *
 * @throws AtomscaleError ERR_VALUE
 */
export function readChunks({ chunks }: Message): number[] | undefined {
  if (chunks === undefined || chunks === null) return undefined;
  const list = Array.isArray(chunks) ? chunks : [chunks];
  if (list.every((index) => Number.isInteger(index) && index >= 0)) return list;
  throw new AtomscaleError(
    'ERR_VALUE',
    `msg.chunks: expected chunk indexes, as [3, 4], got ${describe(chunks)}; leave it out for all`,
  );
}

/**
 * What a person does with the chunks that a stream of the node has in quarantine, open or finished.
 *
 * @returns what is in it afterwards, and streams that go on although they had ended
 */
export async function attendQuarantine(
  uploader: Uploader,
  action: QuarantineAction,
  owner: Owner,
  chunks: readonly number[] | undefined,
): Promise<{ listed: ListedChunk[]; revived: readonly AnyStream[] }> {
  const { quarantine } = uploader;
  const selection = { owner, ...(chunks === undefined ? {} : { chunks }) };
  let revived: readonly AnyStream[] = [];
  if (action === 'retry') revived = (await quarantine.retry(selection)).revived;
  if (action === 'discard') await quarantine.discard(selection);
  const places = await quarantine.list({ owner });
  const listed = places.flatMap((place) =>
    place.chunks.map(({ chunk_index, reason, at, bytes, code, status }) => ({
      chunk_index,
      reason,
      at,
      bytes,
      ...(code === undefined ? {} : { code }),
      ...(status === undefined ? {} : { status }),
    })),
  );
  return { listed, revived };
}
