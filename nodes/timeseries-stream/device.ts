/** What a device's node says beside the payload: that there is no reading, and when it was taken. */
import type { Message } from '../common/kinds.js';
import { messageSeconds, toMillis } from '../common/time.js';

/** Severity of an OPC UA status code: its two highest bits, 10 = bad. */
const BAD = 2;

/** node-opcua's object, what JSON makes of it, the bare number, or its name. */
function isBadStatus(status: unknown): boolean {
  if (typeof status === 'number') return status >>> 30 === BAD;
  if (typeof status === 'string') return /^bad/i.test(status);
  if (typeof status !== 'object' || status === null) return false;
  const { value, name } = status as { value?: unknown; name?: unknown };
  return isBadStatus(typeof value === 'number' ? value : typeof name === 'string' ? name : undefined);
}

/** The value came with a bad `msg.statusCode` (OPC UA): it is no reading, whatever it says, often 0. */
export function isBad(msg: Message): boolean {
  return msg.statusCode !== undefined && isBadStatus(msg.statusCode);
}

/**
 * The request failed: an empty payload beside `msg.error`, as the Modbus nodes send it.
 *
 * @param moved what stands where the payload was moved to
 */
export function isFailed(msg: Message, moved?: unknown): boolean {
  return (msg.payload === '' || moved === '') && msg.error !== undefined && msg.error !== null;
}

/**
 * `msg.timestamp`, else the `msg.sourceTimestamp` of an OPC UA value, in Unix seconds; null when the message has
 * neither and is stamped on arrival.
 *
 * @throws AtomscaleError ERR_VALUE
 */
export function readingSeconds(msg: Message): number | null {
  const seconds = messageSeconds(msg);
  const { sourceTimestamp } = msg;
  if (seconds !== null || sourceTimestamp === undefined || sourceTimestamp === null) return seconds;
  const millis = toMillis(sourceTimestamp, 'msg.sourceTimestamp');
  // OPC UA writes 1601 where it has no time.
  return millis > 0 ? millis / 1000 : null;
}
