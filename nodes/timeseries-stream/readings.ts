import { AtomscaleError } from '../../uploader/errors.js';
import type { Reading } from '../../uploader/types.js';
import { describe, isRecord, type Message, tagOf } from '../common/kinds.js';
import { toSeconds } from '../common/time.js';
import { isBad, isFailed, readingSeconds } from './device.js';
import { finiteOnly, type Readings, reading, toChannel, toNumber, toUnits } from './values.js';

/** `msg.channel`, else the last level of `msg.topic`. */
function channelOf(msg: Message): string {
  if (msg.channel !== undefined && msg.channel !== null) return toChannel(msg.channel, 'msg.channel');
  const topic = typeof msg.topic === 'string' ? msg.topic : '';
  return toChannel(topic.slice(topic.lastIndexOf('/') + 1), 'msg.channel or the last level of msg.topic');
}

/** An array, or a typed array of numbers, as `Float64Array.of(1, 2)`. */
function toList(value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return value;
  if (/^(Float(32|64)|U?[Ii]nt(8|16|32))Array$/.test(tagOf(value))) return Array.from(value as Float64Array);
  throw new AtomscaleError('ERR_VALUE', `${name}: expected an array, got ${describe(value)}`);
}

/** `{timestamps, values, units}` of one channel. */
function readSeries(channel: string, series: Record<string, unknown>, where: string): Reading[] {
  const timestamps = toList(series.timestamps, `${where}.timestamps`);
  const values = toList(series.values, `${where}.values`);
  if (timestamps.length !== values.length) {
    throw new AtomscaleError(
      'ERR_VALUE',
      `${where}: expected a timestamp for each value, got ${timestamps.length} timestamps and ${values.length} values`,
    );
  }
  const units = toUnits(series.units, `${where}.units`);
  return Array.from(values, (value, index) =>
    reading(
      channel,
      toSeconds(timestamps[index], `${where}.timestamps[${index}]`),
      toNumber(value, `${where}.values[${index}]`),
      units,
    ),
  );
}

/** `{channels: {name: {timestamps, values, units}}}`. */
function readChannels(channels: Record<string, unknown>): Reading[] {
  const entries = Object.entries(channels);
  if (entries.length === 0) {
    throw new AtomscaleError('ERR_CHANNEL', 'payload.channels: expected at least one channel, got none');
  }
  return entries.flatMap(([name, series]) => {
    const where = `payload.channels.${name.slice(0, 40)}`;
    const channel = toChannel(name, 'payload.channels');
    if (isRecord(series)) return readSeries(channel, series, where);
    throw new AtomscaleError(
      'ERR_VALUE',
      `${where}: expected {timestamps, values, units}, got ${describe(series)}`,
    );
  });
}

/** `[{channel, timestamp, value, units}]`. */
function readRecords(records: readonly unknown[]): Reading[] {
  if (records.length === 0) {
    throw new AtomscaleError(
      'ERR_VALUE',
      'payload: expected [{channel, timestamp, value, units}], got an empty array',
    );
  }
  return Array.from(records, (record, index) => {
    const where = `payload[${index}]`;
    if (!isRecord(record)) {
      throw new AtomscaleError(
        'ERR_VALUE',
        `${where}: expected {channel, timestamp, value, units}, got ${describe(record)}`,
      );
    }
    return reading(
      toChannel(record.channel, `${where}.channel`),
      toSeconds(record.timestamp, `${where}.timestamp`),
      toNumber(record.value, `${where}.value`),
      toUnits(record.units, `${where}.units`),
    );
  });
}

/** `{temperature: 25, pressure: 1e-9}`: one moment of several channels. */
function readMoment(values: Record<string, unknown>, time: number | null): Reading[] {
  const entries = Object.entries(values);
  if (entries.length === 0) {
    throw new AtomscaleError(
      'ERR_CHANNEL',
      'payload: expected an object of channels and values, got an empty one',
    );
  }
  return entries.map(([name, value]) =>
    reading(toChannel(name, 'payload'), time, toNumber(value, `payload.${name.slice(0, 40)}`)),
  );
}

function readAll(msg: Message): Reading[] {
  const { payload } = msg;
  const time = readingSeconds(msg);
  if (Array.isArray(payload)) return readRecords(payload);
  if (!isRecord(payload)) return [reading(channelOf(msg), time, toNumber(payload, 'payload'))];
  if (isRecord(payload.channels)) return readChannels(payload.channels);
  const isSeries = typeof payload.values === 'object' || payload.timestamps !== undefined;
  return isSeries ? readSeries(channelOf(msg), payload, 'payload') : readMoment(payload, time);
}

/** The device says that there is no reading: a gap of its channel, where the message names one. */
function readGap(msg: Message): Readings {
  const hasChannel = msg.channel !== undefined || (typeof msg.topic === 'string' && msg.topic !== '');
  const time = readingSeconds(msg);
  return { readings: hasChannel ? [reading(channelOf(msg), time, null)] : [], skipped: 1 };
}

/**
 * Readings of a message by the shape of its payload: a number, an object of channels, a series, several
 * series, or a list of records. One bad value refuses the whole message.
 *
 * @throws AtomscaleError ERR_VALUE, ERR_CHANNEL
 */
export function readReadings(msg: Message): Readings {
  return isFailed(msg) || isBad(msg) ? readGap(msg) : finiteOnly(readAll(msg));
}
