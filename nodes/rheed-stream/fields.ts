import { SettingsError } from '../../uploader/errors.js';
import { describe } from '../common/kinds.js';

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/**
 * A setting that is a whole number, as such or as a text field has it.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function numberIn(name: string, value: unknown, fallback: number, min: number, max: number): number {
  if (isBlank(value)) return fallback;
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new SettingsError(
    name,
    `${name}: expected a whole number from ${min} to ${max}, got ${describe(value)}`,
  );
}

/**
 * A setting that is one of some words, the first when blank.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function oneOf<T extends string>(name: string, value: unknown, options: readonly [T, ...T[]]): T {
  if (isBlank(value)) return options[0];
  const found = options.find((option) => option === value);
  if (found !== undefined) return found;
  throw new SettingsError(name, `${name}: expected ${options.join(' or ')}, got ${describe(value)}`);
}
