import type { LockOwner } from '../uploader/spool/account-folder.js';
import { AccountRecord } from '../uploader/spool/account-record.js';
import type { QuarantinedChunk } from '../uploader/spool/quarantine.js';
import type { StreamRecord } from '../uploader/spool/stream-record.js';
import { sizeOf } from './chunk-size.js';
import { printAccount } from './list-text.js';
import { print } from './print.js';
import { type Account, openSpool, type StreamFolder } from './spool.js';
import { type Place, quarantineOf, storedChunks } from './stored-chunks.js';

export interface Amount {
  chunks: number;
  /** Frames or points. */
  items: number;
  bytes: number;
}

export type State = 'open' | 'finalizing' | 'paused' | 'refused' | 'finished' | 'unreadable';

interface ListedQuarantine
  extends Pick<QuarantinedChunk, 'number' | 'chunk_index' | 'reason' | 'items' | 'bytes'> {
  readonly code: string | null;
  readonly since: string | null;
}

export interface ListedStream {
  readonly folder: string;
  readonly name: string | null;
  readonly kind: StreamFolder['kind'];
  readonly state: State;
  readonly problem: string | null;
  readonly data_id: string | null;
  readonly earlier_data_ids: readonly string[];
  readonly owner: StreamRecord['owner'] | null;
  /** Chunks that wait, the open one among them. */
  readonly waiting: Amount;
  /** Frames or points in the open chunk. */
  readonly open_items: number;
  readonly waiting_since: string | null;
  readonly waiting_why: string | null;
  readonly last_data: string | null;
  readonly last_upload: string | null;
  readonly uploaded: number;
  readonly dropped: number;
  readonly lost: StreamRecord['lost'];
  readonly kept: Amount;
  readonly quarantine: readonly ListedQuarantine[];
}

export interface ListedAccount {
  readonly account: string;
  readonly path: string;
  readonly in_use: Account['inUse'];
  readonly owner: LockOwner | null;
  readonly paused_since: string | null;
  readonly streams: readonly ListedStream[];
}

/** `spool list`. */
export async function list(folder: string | undefined, { json }: { json?: boolean }): Promise<number> {
  const accounts: ListedAccount[] = [];
  for (const account of await openSpool(folder)) accounts.push(await listAccount(account));
  if (json) print(JSON.stringify({ accounts }, null, 2));
  else if (accounts.length === 0) print('the spool is empty');
  else for (const account of accounts) printAccount(account);
  return 0;
}

async function listAccount({ id, path, inUse, owner, streams }: Account): Promise<ListedAccount> {
  const { pausedSince } = await AccountRecord.read(path);
  const listed: ListedStream[] = [];
  for (const stream of streams) listed.push(await listStream(stream, pausedSince));
  return {
    account: id,
    path,
    in_use: inUse,
    owner: owner ?? null,
    paused_since: isoOf(pausedSince),
    streams: listed,
  };
}

async function listStream(stream: StreamFolder, pausedSince: number | null): Promise<ListedStream> {
  const { record } = stream;
  const amounts: Record<Place, Amount> = {
    open: { chunks: 0, items: 0, bytes: 0 },
    waiting: { chunks: 0, items: 0, bytes: 0 },
    kept: { chunks: 0, items: 0, bytes: 0 },
    quarantine: { chunks: 0, items: 0, bytes: 0 },
  };
  for (const chunk of await storedChunks(stream)) {
    const size = await sizeOf(stream, chunk);
    if (size === undefined) continue;
    const amount = amounts[chunk.place];
    amount.chunks += 1;
    amount.items += size.items;
    amount.bytes += size.bytes;
  }
  const generation = record?.generations.at(-1);
  const { open, waiting, kept } = amounts;
  const state = stateOf(stream, pausedSince);
  const trouble = record?.trouble ?? undefined;
  const refusal = state === 'refused' ? generation?.error : undefined;
  const { chunks } = await quarantineOf(stream);
  return {
    folder: stream.name,
    name: generation?.name ?? null,
    kind: stream.kind,
    state,
    problem: (stream.problem ?? stream.damage)?.message ?? null,
    data_id: generation?.data_id ?? null,
    earlier_data_ids: (record?.generations ?? [])
      .slice(0, -1)
      .map(({ data_id }) => data_id)
      .filter((id) => id !== null),
    owner: record?.owner ?? null,
    waiting: {
      chunks: waiting.chunks + open.chunks,
      items: waiting.items + open.items,
      bytes: waiting.bytes + open.bytes,
    },
    open_items: open.items,
    waiting_since: isoOf(state === 'paused' ? pausedSince : (trouble?.since ?? null)),
    waiting_why:
      refusal?.message ??
      trouble?.error.message ??
      (state === 'paused' ? 'the key was missing or refused' : null),
    last_data: isoOf(record?.last_data ?? null),
    last_upload: isoOf(record?.last_upload ?? null),
    uploaded: record?.counts.uploaded ?? 0,
    dropped: record?.counts.dropped ?? 0,
    lost: record?.lost ?? [],
    kept,
    quarantine: chunks.map(({ number, chunk_index, reason, code, at, items, bytes }) => ({
      number,
      chunk_index,
      reason,
      code: code ?? null,
      since: isoOf(at === 0 ? null : at),
      items,
      bytes,
    })),
  };
}

function stateOf({ record }: StreamFolder, pausedSince: number | null): State {
  if (record === undefined) return 'unreadable';
  if (record.finalize === 'done') return 'finished';
  if (record.generations.at(-1)?.opening === 'refused') return 'refused';
  if (pausedSince !== null) return 'paused';
  return record.finalize === 'wanted' ? 'finalizing' : 'open';
}

const isoOf = (unixMs: number | null): string | null =>
  unixMs === null ? null : new Date(unixMs).toISOString();
