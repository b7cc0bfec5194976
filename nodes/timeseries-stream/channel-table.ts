import { SettingsError } from '../../uploader/errors.js';
import type { Reading } from '../../uploader/types.js';
import { describe, isRecord, type Message } from '../common/kinds.js';
import { isBad, isFailed, readingSeconds } from './device.js';
import { type InvalidTest, parseInvalid } from './invalid.js';
import {
  type Decode,
  decodeBit,
  decodeNumber,
  decodeRegisters,
  ORDERS,
  type Order,
  type Raw,
  REGISTER_TYPES,
  type RegisterType,
} from './registers.js';
import type { Limit, Limits } from './thinning.js';
import { asNumber, type Readings, reading, toChannel, toUnits } from './values.js';

/** Where a path leads: to the `index`-th member of what `holder` finds, or to that itself. */
export interface PathSource {
  holder(msg: object): unknown;
  readonly index: number | undefined;
}

/** How sources are made: Node-RED's own paths and JSONata. Both throw when the text cannot be parsed. */
export interface SourceMaker {
  path(expression: string): PathSource;
  jsonata(expression: string): (msg: object) => Promise<unknown>;
}

/** A row of the table, ready for use. */
interface Row {
  /** Undefined: the message holds nothing there. */
  raw(msg: Message): Raw | Promise<Raw>;
  readonly channel: string;
  readonly units: string | undefined;
  readonly scale: number;
  readonly offset: number;
  readonly isInvalid: InvalidTest;
  readonly limit: Limit | undefined;
}

export interface ChannelTable {
  readonly rows: readonly Row[];
  /** A row is JSONata: values come later. */
  readonly isAsync: boolean;
  /** Of the channels that have any; undefined when none has. */
  readonly limits: Limits | undefined;
}

function settingsError(text: string): never {
  throw new SettingsError('channels', text);
}

const isBlank = (value: unknown): boolean => value === undefined || value === null || value === '';

function factor(value: unknown, fallback: number, where: string): number {
  if (isBlank(value)) return fallback;
  const number = asNumber(value);
  return number !== undefined && Number.isFinite(number)
    ? number
    : settingsError(`${where}: expected a number, got ${describe(value)}`);
}

function atLeastZero(value: unknown, where: string): number {
  const number = factor(value, 0, where);
  return number >= 0 ? number : settingsError(`${where}: expected 0 or more, got ${describe(value)}`);
}

/** Names and units break the settings here, not a message: the same checks under another code. */
function asSetting<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    return settingsError((error as Error).message);
  }
}

function parseType(type: unknown, order: Order, where: string): Decode {
  if (isBlank(type) || type === 'number') return decodeNumber;
  if (REGISTER_TYPES.includes(type as RegisterType)) return decodeRegisters(type as RegisterType, order);
  const bit = typeof type === 'string' ? /^bit ([12]?\d|3[01])$/.exec(type)?.[1] : undefined;
  if (bit !== undefined) return decodeBit(Number(bit), order);
  return settingsError(
    `${where}: expected number, ${REGISTER_TYPES.join(', ')} or bit 0 to bit 31, got ${describe(type)}`,
  );
}

function parseOrder(order: unknown, where: string): Order {
  if (isBlank(order)) return 'ABCD';
  const known = ORDERS.find((name) => name === order);
  return known ?? settingsError(`${where}: expected one of ${ORDERS.join(', ')}, got ${describe(order)}`);
}

function compileSource(
  row: Record<string, unknown>,
  decode: Decode,
  where: string,
  make: SourceMaker,
): Row['raw'] {
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
    if (sourceType === 'jsonata') {
      const evaluate = make.jsonata(source);
      return (msg) => evaluate(msg).then((value) => decode(value, undefined));
    }
    const { holder, index } = make.path(source);
    // A request that failed has no payload to look into, but may still carry what an earlier one brought.
    return (msg) => {
      const held = holder(msg);
      return isFailed(msg, held) ? null : decode(held, index);
    };
  } catch (error) {
    return settingsError(
      `${where}.source: expected ${sourceType === 'msg' ? 'a path' : 'JSONata'}, got "${source}": ${(error as Error).message}`,
    );
  }
}

function compileRow(row: unknown, index: number, make: SourceMaker): Row {
  const where = `channels[${index}]`;
  if (!isRecord(row)) return settingsError(`${where}: expected an object, got ${describe(row)}`);
  const decode = parseType(row.type, parseOrder(row.order, `${where}.order`), `${where}.type`);
  const minInterval = atLeastZero(row.minInterval, `${where}.minInterval`);
  const deadband = atLeastZero(row.deadband, `${where}.deadband`);
  return {
    raw: compileSource(row, decode, where, make),
    channel: asSetting(() => toChannel(row.channel, `${where}.channel`)),
    units: asSetting(() => toUnits(row.units, `${where}.units`)),
    scale: factor(row.scale, 1, `${where}.scale`),
    offset: factor(row.offset, 0, `${where}.offset`),
    isInvalid: parseInvalid(row.invalid, `${where}.invalid`),
    limit: minInterval > 0 || deadband > 0 ? { minInterval: minInterval / 1000, deadband } : undefined,
  };
}

function limitsOf(rows: readonly Row[]): Limits | undefined {
  const limits = new Map<string, Limit>();
  for (const { channel, limit } of rows) if (limit !== undefined) limits.set(channel, limit);
  return limits.size > 0 ? limits : undefined;
}

/**
 * The `channels` setting, made ready; null when it is empty and payloads speak for themselves.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function compileTable(channels: unknown, make: SourceMaker): ChannelTable | null {
  if (isBlank(channels)) return null;
  if (!Array.isArray(channels))
    return settingsError(`channels: expected an array of rows, got ${describe(channels)}`);
  if (channels.length === 0) return null;
  const rows = channels.map((row, index) => compileRow(row, index, make));
  const twice = rows.find(
    ({ channel }, index) => rows.findIndex((other) => other.channel === channel) !== index,
  );
  if (twice) settingsError(`channels: expected each channel once, got "${twice.channel}" again; rename one`);
  return {
    rows,
    isAsync: channels.some((row) => row.sourceType === 'jsonata'),
    limits: limitsOf(rows),
  };
}

/** One row's value from its raw one; null when that is no reading. */
function toValue({ scale, offset, isInvalid }: Row, raw: number | null): number | null {
  if (raw === null || !Number.isFinite(raw) || isInvalid(raw)) return null;
  const value = raw * scale + offset;
  return Number.isFinite(value) ? value : null;
}

/** Raw values, one a row, to readings. What is no reading counts as skipped; so does a message without any. */
function collect({ rows }: ChannelTable, raws: readonly Raw[], msg: Message, time: number | null): Readings {
  const isVoid = isBad(msg);
  const readings: Reading[] = [];
  let skipped = 0;
  for (const [index, row] of rows.entries()) {
    const raw = raws[index];
    if (raw === undefined) continue;
    const value = isVoid ? null : toValue(row, raw);
    if (value === null) skipped += 1;
    readings.push(reading(row.channel, time, value, row.units));
  }
  return { readings, skipped: readings.length === 0 ? 1 : skipped };
}

/**
 * Readings of a message by the table alone: value = raw · scale + offset. Null, a gap, where something stands that is
 * no reading: a raw value listed as invalid, no number, registers that are not whole, a bad status, a failed request.
 * A promise when a row is JSONata.
 *
 * @throws AtomscaleError ERR_VALUE for an unparsable msg.timestamp
 */
export function readTable(table: ChannelTable, msg: Message): Readings | Promise<Readings> {
  const time = readingSeconds(msg);
  if (!table.isAsync) {
    const raws = table.rows.map(({ raw }) => raw(msg) as Raw);
    return collect(table, raws, msg, time);
  }
  return Promise.all(table.rows.map(({ raw }) => raw(msg))).then((raws) => collect(table, raws, msg, time));
}
