import path from 'node:path';
import { SettingsError } from '../../uploader/errors.js';
import type { UploaderOptions } from '../../uploader/uploader.js';
import { describe } from '../common/kinds.js';

/** The account's settings as the editor keeps them; numbers may be text. */
export interface AccountConfig {
  readonly id: string;
  readonly endpoint?: unknown;
  readonly spoolDir?: unknown;
  readonly spoolMaxBytes?: unknown;
  readonly spoolMinFreeBytes?: unknown;
  readonly whenFull?: unknown;
  readonly keepUploaded?: unknown;
  readonly uploads?: unknown;
  readonly verbosity?: unknown;
  readonly clockSync?: unknown;
}

/** The spool's folder inside Node-RED's user folder, unless the account names another. */
const SPOOL_DIR = 'atomscale-spool';

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

/** A whole number within bounds, undefined when the field is blank. */
function whole(name: string, value: unknown, min: number, max: number): number | undefined {
  if (isBlank(value)) return undefined;
  const number = Number(value);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new SettingsError(
    name,
    `${name}: expected a whole number from ${min} to ${max}, got ${describe(value)}`,
  );
}

function text(name: string, value: unknown): string | undefined {
  if (isBlank(value)) return undefined;
  if (typeof value === 'string') return value.trim();
  throw new SettingsError(name, `${name}: expected a text, got ${describe(value)}`);
}

function whenFull(value: unknown): 'refuse' | 'drop-oldest' | undefined {
  if (isBlank(value)) return undefined;
  if (value === 'refuse' || value === 'drop-oldest') return value;
  throw new SettingsError('whenFull', `whenFull: expected refuse or drop-oldest, got ${describe(value)}`);
}

/** Leaves out what is undefined: a blank field is the uploader's default. */
function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** 0 silent, 1 errors, 2 and warnings, 3 and information, 4 everything; blank = 2. */
export function verbosityOf(config: AccountConfig): number {
  return whole('verbosity', config.verbosity, 0, 4) ?? 2;
}

/**
 * What the uploader is opened with.
 *
 * @param userDir Node-RED's user folder, to which spoolDir is relative
 * @throws SettingsError ERR_SETTINGS
 */
export function uploaderOptions(config: AccountConfig, apiKey: unknown, userDir: string): UploaderOptions {
  const optional = defined({
    endpoint: text('endpoint', config.endpoint),
    apiKey: text('apiKey', apiKey),
    spoolMaxBytes: whole('spoolMaxBytes', config.spoolMaxBytes, 1, Number.MAX_SAFE_INTEGER),
    spoolMinFreeBytes: whole('spoolMinFreeBytes', config.spoolMinFreeBytes, 0, Number.MAX_SAFE_INTEGER),
    whenFull: whenFull(config.whenFull),
    keepUploaded: whole('keepUploaded', config.keepUploaded, 0, 3650),
    uploads: whole('uploads', config.uploads, 1, 64),
  });
  return {
    id: config.id,
    spoolDir: path.resolve(userDir, text('spoolDir', config.spoolDir) ?? SPOOL_DIR),
    clockSync: config.clockSync !== false,
    ...optional,
  } as UploaderOptions;
}
