import { SettingsError } from '../../uploader/errors.js';
import type { Reading } from '../../uploader/types.js';
import { describe, isRecord, type Message } from '../common/kinds.js';
import { messageSeconds } from '../common/time.js';
import { type InvalidTest, parseInvalid } from './invalid.js';
import { asNumber, type Readings, reading, toChannel, toUnits } from './values.js';

/** Finds one raw value in a message; undefined when it is not there. */
export type Source = (msg: object) => unknown;

/** How sources are made: Node-RED's own paths and JSONata. Both throw when the text cannot be parsed. */
export interface SourceMaker {
  path(expression: string): Source;
  jsonata(expression: string): (msg: object) => Promise<unknown>;
}

/** A row of the table, ready for use. */
interface Row {
  readonly source: Source;
  readonly channel: string;
  readonly units: string | undefined;
  readonly scale: number;
  readonly offset: number;
  readonly isInvalid: InvalidTest;
}

export interface ChannelTable {
  readonly rows: readonly Row[];
  /** A row is JSONata: values come later. */
  readonly isAsync: boolean;
}

function settingsError(text: string): never {
  throw new SettingsError('channels', text);
}

function factor(value: unknown, fallback: number, where: string): number {
  if (value === undefined || value === null || value === '') return fallback;
  const number = asNumber(value);
  return number !== undefined && Number.isFinite(number)
    ? number
    : settingsError(`${where}: expected a number, got ${describe(value)}`);
}

/** Names and units break the settings here, not a message: the same checks under another code. */
function asSetting<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    return settingsError((error as Error).message);
  }
}

function compileSource(row: Record<string, unknown>, where: string, make: SourceMaker): Source {
  const { source, sourceType = 'msg' } = row;
  if (typeof source !== 'string' || source.trim() === '') {
    return settingsError(
      `${where}.source: expected a path as payload.temperature or JSONata, got ${describe(source)}`,
    );
  }
  if (sourceType !== 'msg' && sourceType !== 'jsonata') {
    return settingsError(`${where}.sourceType: expected msg or jsonata, got ${describe(sourceType)}`);
  }
  try {
    return sourceType === 'msg' ? make.path(source) : make.jsonata(source);
  } catch (error) {
    return settingsError(
      `${where}.source: expected ${sourceType === 'msg' ? 'a path' : 'JSONata'}, got "${source}": ${(error as Error).message}`,
    );
  }
}

function compileRow(row: unknown, index: number, make: SourceMaker): Row {
  const where = `channels[${index}]`;
  if (!isRecord(row)) return settingsError(`${where}: expected an object, got ${describe(row)}`);
  const { type } = row;
  if (type !== undefined && type !== '' && type !== 'number') {
    settingsError(`${where}.type: expected number, the only type so far, got ${describe(type)}`);
  }
  return {
    source: compileSource(row, where, make),
    channel: asSetting(() => toChannel(row.channel, `${where}.channel`)),
    units: asSetting(() => toUnits(row.units, `${where}.units`)),
    scale: factor(row.scale, 1, `${where}.scale`),
    offset: factor(row.offset, 0, `${where}.offset`),
    isInvalid: parseInvalid(row.invalid, `${where}.invalid`),
  };
}

/**
 * The `channels` setting, made ready; null when it is empty and payloads speak for themselves.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function compileTable(channels: unknown, make: SourceMaker): ChannelTable | null {
  if (channels === undefined || channels === null || channels === '') return null;
  if (!Array.isArray(channels))
    return settingsError(`channels: expected an array of rows, got ${describe(channels)}`);
  if (channels.length === 0) return null;
  const rows = channels.map((row, index) => compileRow(row, index, make));
  const twice = rows.find(
    ({ channel }, index) => rows.findIndex((other) => other.channel === channel) !== index,
  );
  if (twice) settingsError(`channels: expected each channel once, got "${twice.channel}" again; rename one`);
  return { rows, isAsync: channels.some((row) => row.sourceType === 'jsonata') };
}

/** One row's reading; undefined when the message holds none. */
function readRow(
  { channel, units, scale, offset, isInvalid }: Row,
  raw: unknown,
  time: number | null,
): Reading | undefined {
  const number = asNumber(raw);
  if (number === undefined || !Number.isFinite(number)) return undefined;
  if (isInvalid(number)) return reading(channel, time, null, units);
  const value = number * scale + offset;
  return Number.isFinite(value) ? reading(channel, time, value, units) : undefined;
}

/** Raw values, one a row, to readings. A message in which no row finds one counts as one skipped. */
function collect(table: ChannelTable, raws: readonly unknown[], time: number | null): Readings {
  const readings = table.rows
    .map((row, index) => readRow(row, raws[index], time))
    .filter((found) => found !== undefined);
  return { readings, skipped: readings.length === 0 ? 1 : 0 };
}

/**
 * Readings of a message by the table alone: value = raw · scale + offset, null where the raw value is one
 * that means "no reading". A promise when a row is JSONata.
 *
 * @throws AtomscaleError ERR_VALUE for an unparsable msg.timestamp
 */
export function readTable(table: ChannelTable, msg: Message): Readings | Promise<Readings> {
  const time = messageSeconds(msg);
  const raws = table.rows.map(({ source }) => source(msg));
  return table.isAsync
    ? Promise.all(raws).then((values) => collect(table, values, time))
    : collect(table, raws, time);
}
