import { SettingsError } from '../../uploader/errors.js';
import { describe } from '../common/kinds.js';
import { asNumber } from './values.js';

/** Whether a raw number means that the sensor has no reading. */
export type InvalidTest = (raw: number) => boolean;

const COMPARISONS: Readonly<Record<string, (raw: number, bound: number) => boolean>> = {
  '<': (raw, bound) => raw < bound,
  '<=': (raw, bound) => raw <= bound,
  '>': (raw, bound) => raw > bound,
  '>=': (raw, bound) => raw >= bound,
};

function parseItem(item: string): InvalidTest | undefined {
  const comparison = /^([<>]=?)(.+)$/.exec(item);
  if (comparison) {
    const compare = COMPARISONS[comparison[1] ?? ''];
    const bound = asNumber(comparison[2]);
    return compare && bound !== undefined ? (raw) => compare(raw, bound) : undefined;
  }
  const range = /^(.+?)\.\.(.+)$/.exec(item);
  if (range) {
    const [low, high] = [asNumber(range[1]), asNumber(range[2])];
    return low !== undefined && high !== undefined && low <= high
      ? (raw) => raw >= low && raw <= high
      : undefined;
  }
  const value = asNumber(item);
  return value === undefined ? undefined : (raw) => raw === value;
}

/**
 * Reads a list of values and ranges, as `0, 9999, 1e4..1e9, >1000`; ranges include both ends.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function parseInvalid(list: unknown, where: string): InvalidTest {
  if (list === undefined || list === null || list === '') return () => false;
  const items = String(list)
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const tests = items.map((item) => {
    const test = parseItem(item);
    if (test) return test;
    throw new SettingsError(
      'channels',
      `${where}: expected values and ranges, as "0, 9999, 1e4..1e9, >1000", got ${describe(item)}`,
    );
  });
  return (raw) => tests.some((test) => test(raw));
}
