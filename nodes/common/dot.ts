import type { NodeStatus } from 'node-red';
import type { StreamHealth } from '../../uploader/types.js';

/** A text of the node's locale. */
export type Translate = (key: string, values?: Record<string, string | number>) => string;

type Phase = StreamHealth['phase'];

/** Worst first: of several streams the node shows the one that needs a person most. */
const SEVERITY: readonly Phase[] = [
  'failed',
  'paused',
  'waiting',
  'silent',
  'opening',
  'streaming',
  'finalizing',
  'finalized',
];

const LOOKS: Readonly<Record<Phase, Pick<NodeStatus, 'fill' | 'shape'>>> = {
  failed: { fill: 'red', shape: 'ring' },
  paused: { fill: 'red', shape: 'ring' },
  waiting: { fill: 'yellow', shape: 'dot' },
  silent: { fill: 'yellow', shape: 'ring' },
  opening: { fill: 'yellow', shape: 'ring' },
  streaming: { fill: 'green', shape: 'dot' },
  finalizing: { fill: 'blue', shape: 'dot' },
  finalized: { fill: 'grey', shape: 'dot' },
};

const LONGEST_REASON = 60;

/** A reason short enough for the workspace. */
export function shorten(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON - 1)}…` : line;
}

/** Hours and minutes, local, as a clock on the wall shows them. */
export function clockTime(unixMs: number): string {
  const date = new Date(unixMs);
  return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}

const brief = (rate: number): number => (rate >= 10 ? Math.round(rate) : Math.round(rate * 10) / 10);

function text(health: StreamHealth, t: Translate): string {
  return t(`status.${health.phase}`, {
    rate: brief(health.rate),
    ...(health.fps === undefined ? {} : { fps: brief(health.fps) }),
    pending: health.chunks_pending,
    uploaded: health.chunks_uploaded,
    since: clockTime(health.since),
    reason: shorten(health.error?.message ?? ''),
  });
}

/** The worse of two; of two alike the one that has been so for longer. */
function worse(left: StreamHealth, right: StreamHealth): StreamHealth {
  const [one, other] = [SEVERITY.indexOf(left.phase), SEVERITY.indexOf(right.phase)];
  if (one !== other) return one < other ? left : right;
  return left.since <= right.since ? left : right;
}

/** A text of the node's locale below `status`, and the values in it. */
export type Remark = readonly [key: string, values?: Record<string, string | number>];

export interface NodeHealth {
  /** Why the account cannot be used, null when it can. */
  readonly failure: Error | null;
  /** Of each stream of the node. */
  readonly streams: readonly StreamHealth[];
  /** Readings and messages that held no value, since the node started. */
  readonly skipped: number;
  /** Messages refused, since the node started. */
  readonly refused: number;
  /** Of the node's kind, the most important first. */
  readonly remarks: readonly Remark[];
}

/** What the node's dot shows. */
export function dot({ failure, streams, skipped, refused, remarks }: NodeHealth, t: Translate): NodeStatus {
  if (failure) return { fill: 'red', shape: 'ring', text: shorten(failure.message) };
  const notes = remarks.map(([key, values]) => t(`status.${key}`, values));
  if (skipped > 0) notes.push(t('status.skipped', { skipped }));
  if (refused > 0) notes.push(t('status.refused', { refused }));
  const [first, ...others] = streams;
  if (!first) return { fill: 'grey', shape: 'ring', text: [t('status.idle'), ...notes].join(' · ') };
  const worst = others.reduce(worse, first);
  const quarantined = streams.reduce((sum, { chunks_quarantined }) => sum + chunks_quarantined, 0);
  if (quarantined > 0) notes.unshift(t('status.quarantined', { quarantined }));
  if (others.length > 0) notes.unshift(t('status.streams', { streams: streams.length }));
  return { ...LOOKS[worst.phase], text: [text(worst, t), ...notes].join(' · ') };
}
