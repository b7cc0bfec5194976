import { AtomscaleError } from '../../uploader/errors.js';
import type { Reading } from '../../uploader/types.js';
import { describe } from '../common/kinds.js';

const LONGEST_NAME = 255;
const NUMERIC = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** What a message gave: readings, and how many numbers were NaN or infinite. */
export interface Readings {
  readonly readings: readonly Reading[];
  readonly skipped: number;
}

/** A number, or text that is one; undefined when it is neither. NaN and infinities pass. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || !NUMERIC.test(value.trim())) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/**
 * A number of a payload; NaN and infinities pass, to be skipped and counted.
 *
 * @throws AtomscaleError ERR_VALUE, naming `name`
 */
export function toNumber(value: unknown, name: string): number {
  const number = asNumber(value);
  if (number !== undefined) return number;
  throw new AtomscaleError('ERR_VALUE', `${name}: expected a number or numeric text, got ${describe(value)}`);
}

/**
 * A channel's name: text of 1 to 255 characters, as the service takes it.
 *
 * @throws AtomscaleError ERR_CHANNEL
 */
export function toChannel(value: unknown, where: string): string {
  const length = typeof value === 'string' ? [...value].length : 0;
  if (typeof value === 'string' && value.trim() !== '' && length <= LONGEST_NAME) return value;
  throw new AtomscaleError(
    'ERR_CHANNEL',
    `${where}: expected a channel name of 1 to ${LONGEST_NAME} characters, got ` +
      (length > LONGEST_NAME ? `${length} characters` : describe(value)),
  );
}

/**
 * Units: text or nothing.
 *
 * @throws AtomscaleError ERR_VALUE
 */
export function toUnits(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new AtomscaleError('ERR_VALUE', `${where}: expected units as text, got ${describe(value)}`);
}

/** A reading without a `units` member when there are none. */
export function reading(channel: string, time: number | null, value: number | null, units?: string): Reading {
  return units === undefined ? { channel, time, value } : { channel, time, value, units };
}

/** Keeps what is finite and counts the rest. */
export function finiteOnly(all: readonly Reading[]): Readings {
  const readings = all.filter(({ value }) => value === null || Number.isFinite(value));
  return { readings, skipped: all.length - readings.length };
}
