import type { AtomscaleError } from './errors.js';
import type { QuarantinedChunk } from './spool/quarantine.js';
import type { StreamRecord } from './spool/stream-record.js';
import type { Report, StatusEvent, StreamHealth } from './types.js';

/** What a stream knows of itself at a moment. */
export interface Snapshot {
  readonly data: StreamRecord;
  /** Chunks in quarantine. */
  readonly quarantined: number;
  readonly dataId: string | null;
  /** Frames or points accepted. */
  readonly items: number;
  readonly pending: number;
  readonly spoolBytes: number;
  readonly rate: number;
  readonly silentSince: number | null;
  readonly waitingSince: number | null;
  readonly paused: { readonly error: AtomscaleError; readonly since: number } | undefined;
  readonly error: AtomscaleError | undefined;
}

const named = (error: AtomscaleError | undefined) =>
  error === undefined ? {} : { error: { code: error.code, message: error.message } };

/** Output 2 of a node. */
export function statusOf(now: Snapshot, event: StatusEvent['event'], chunkIndex?: number): StatusEvent {
  const { kind, counts, owner, finalize } = now.data;
  return {
    event,
    stream: owner.stream,
    open: finalize === 'no',
    data_id: now.dataId,
    ...(chunkIndex === undefined ? {} : { chunk_index: chunkIndex }),
    [kind === 'rheed' ? 'frames' : 'points']: now.items,
    chunks_pending: now.pending,
    chunks_uploaded: counts.uploaded,
    spool_bytes: now.spoolBytes,
    bytes_uploaded: counts.bytes,
    rate: now.rate,
    ...named(now.paused?.error ?? now.error),
  };
}

/** What became of a stream, with its `finalized`. */
export function reportOf(
  { data, items, pending }: Snapshot,
  quarantined: readonly QuarantinedChunk[],
): Report {
  const { kind, counts, lost } = data;
  return {
    chunks_spooled: counts.uploaded + quarantined.length + counts.dropped + pending,
    chunks_uploaded: counts.uploaded,
    chunks_quarantined: quarantined.length,
    chunks_dropped: counts.dropped,
    [kind === 'rheed' ? 'frames' : 'points']: items,
    bytes: counts.bytes,
    lost: lossesOf(lost, quarantined),
  };
}

function lossesOf(
  runs: StreamRecord['lost'],
  quarantined: readonly QuarantinedChunk[],
): [chunkIndex: number, reason: string][] {
  const lost: [number, string][] = quarantined.map(({ chunk_index, reason }) => [chunk_index, reason]);
  for (const [first, last, reason] of runs) {
    for (let index = first; index <= last; index += 1) lost.push([index, reason]);
  }
  return lost.sort(([one], [other]) => one - other);
}

/** What a node's dot shows: the worst that is true. */
export function healthOf(now: Snapshot): StreamHealth {
  const { data, paused, waitingSince, silentSince } = now;
  const [phase, since, error] = phaseOf();
  return {
    phase,
    since,
    rate: now.rate,
    ...(data.kind === 'rheed' ? { fps: Number(data.settings.fps) } : {}),
    chunks_pending: now.pending,
    chunks_uploaded: data.counts.uploaded,
    chunks_quarantined: now.quarantined,
    ...named(error),
  };

  function phaseOf(): [StreamHealth['phase'], number, (AtomscaleError | undefined)?] {
    if (data.finalize === 'done') return ['finalized', data.last_data];
    if (paused !== undefined) return ['paused', paused.since, paused.error];
    if (data.generations.at(-1)?.opening === 'refused')
      return ['failed', waitingSince ?? data.created, now.error];
    if (waitingSince !== null) return ['waiting', waitingSince, now.error];
    if (data.finalize === 'wanted') return ['finalizing', data.last_data];
    if (silentSince !== null) return ['silent', silentSince];
    return [now.dataId === null ? 'opening' : 'streaming', data.created];
  }
}
