import type { RawSettings } from '../../uploader/types.js';
import { isRecord } from '../common/kinds.js';
import { timeOfFilename } from './filename-time.js';
import type { FrameMessage } from './frames.js';

/** A message as `mqtt in` and `file in` give it. */
export interface CameraMessage extends FrameMessage {
  /** Of MQTT 5: texts. */
  readonly userProperties?: unknown;
  readonly filename?: unknown;
}

const isMissing = (value: unknown): boolean => value === undefined || value === null;

const told = ({ userProperties }: CameraMessage): Readonly<Record<string, unknown>> =>
  isRecord(userProperties) ? userProperties : {};

/** Unix milliseconds in digits; any other text as it is. */
const asTime = (text: unknown): unknown =>
  typeof text === 'string' && /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;

/** Size and format, where the message itself does not say by its MQTT 5 user properties. */
export function withSize<M extends CameraMessage>(msg: M): M & CameraMessage {
  if (isMissing(msg.userProperties)) return msg;
  const { width, height, format } = told(msg);
  const isShaped = !isMissing(msg.shape);
  return {
    ...msg,
    width: msg.width ?? (isShaped ? undefined : width),
    height: msg.height ?? (isShaped ? undefined : height),
    format: msg.format ?? format,
  };
}

/**
 * The capture time, where the message itself does not say by its MQTT 5 user properties, else by the name of its file
 * (`filenameTime`).
 *
 * @throws AtomscaleError ERR_VALUE, ERR_SETTINGS
 */
export function withTime<M extends CameraMessage>(msg: M, { filenameTime }: RawSettings): M & CameraMessage {
  if (!isMissing(msg.timestamp) || !isMissing(msg.timestamps)) return msg;
  const { timestamp } = told(msg);
  if (!isMissing(timestamp)) return { ...msg, timestamp: asTime(timestamp) };
  if (isMissing(msg.filename) || typeof filenameTime !== 'string' || filenameTime.trim() === '') return msg;
  return { ...msg, timestamp: timeOfFilename(msg.filename, filenameTime.trim()) };
}
