import { AtomscaleError } from '../../uploader/errors.js';
import { describe, tagOf } from './kinds.js';

const ISO_8601 = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/** ISO 8601 to Unix ms; a time without an offset is local. NaN when it is not one. */
function fromText(text: string): number {
  const trimmed = text.trim();
  return ISO_8601.test(trimmed)
    ? Date.parse(trimmed.replace(',', '.').replace(/([+-]\d{2})$/, '$1:00'))
    : Number.NaN;
}

/** No time beyond this (the year 5138) is one: it is milliseconds taken for seconds, or nothing at all. */
const LATEST_SECONDS = 1e11;

function refuse(name: string, expected: string, value: unknown): never {
  throw new AtomscaleError(
    'ERR_VALUE',
    `${name}: expected ${expected}, a Date or ISO 8601 text, got ${describe(value)}`,
  );
}

/** Date or ISO 8601 to Unix ms, NaN when it is neither. */
function fromDateOrText(value: unknown): number {
  if (tagOf(value) === 'Date') return Number(value);
  return typeof value === 'string' ? fromText(value) : Number.NaN;
}

/**
 * `msg.timestamp` and its like: Unix milliseconds, a Date (of any realm) or ISO 8601, to Unix milliseconds.
 *
 * @throws AtomscaleError ERR_VALUE, naming `name`
 */
export function toMillis(value: unknown, name: string): number {
  const millis = typeof value === 'number' ? value : fromDateOrText(value);
  return Math.abs(millis) <= LATEST_SECONDS * 1000 ? millis : refuse(name, 'Unix milliseconds', value);
}

/**
 * A timestamp inside a payload: Unix seconds, a Date or ISO 8601, to Unix seconds.
 *
 * @throws AtomscaleError ERR_VALUE, naming `name`
 */
export function toSeconds(value: unknown, name: string): number {
  const seconds = typeof value === 'number' ? value : fromDateOrText(value) / 1000;
  return Math.abs(seconds) <= LATEST_SECONDS
    ? seconds
    : refuse(name, 'Unix seconds (not milliseconds)', value);
}

/** `msg.timestamp` in Unix seconds, null when the message has none and is stamped on arrival. */
export function messageSeconds(msg: { readonly timestamp?: unknown }): number | null {
  return msg.timestamp === undefined || msg.timestamp === null
    ? null
    : toMillis(msg.timestamp, 'msg.timestamp') / 1000;
}
