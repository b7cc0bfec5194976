import { endianness } from 'node:os';
import { AtomscaleError } from '../../uploader/errors.js';
import type { FrameBatch, FrameSpec, RawSettings } from '../../uploader/types.js';
import { describe, tagOf } from '../common/kinds.js';
import { toMillis } from '../common/time.js';
import { readArrays } from './arrays.js';
import { holdsSeveral, isEncodedImage } from './encoded.js';
import { frameBytes, layoutOf, readDepth, readFormat, readHeaderBytes } from './pixels.js';
import { readRegion } from './region.js';
import { readSize, type Size } from './size.js';

/** Properties of a message that are read here. */
export interface FrameMessage {
  readonly payload?: unknown;
  readonly shape?: unknown;
  readonly width?: unknown;
  readonly height?: unknown;
  readonly format?: unknown;
  readonly timestamp?: unknown;
  readonly timestamps?: unknown;
}

/** The frames of a message, counted. */
export interface CountedBatch extends FrameBatch {
  /** Undefined where only decoding can tell. */
  readonly frames: number | undefined;
}

/** Frames as bytes, with everything known about them. */
interface Pixels {
  readonly parts: readonly Uint8Array[];
  readonly format: string;
  readonly size: Size;
  /** Bytes before each raw frame. */
  readonly headerBytes: number;
  /** Samples of two bytes whose order the machine, not the camera, decided. */
  readonly hostOrder?: 'little' | 'big';
}

const EXPECTED = 'expected a Buffer, Uint8Array or Uint16Array, an array of those, or nested number arrays';

function refuse(code: 'ERR_FRAME_FORMAT' | 'ERR_FRAME_SHAPE', text: string): never {
  throw new AtomscaleError(code, text);
}

/** The same memory, seen as bytes: a view may begin in the middle of a bigger buffer. */
function asBytes(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function readViews(
  views: readonly ArrayBufferView[],
  format: string,
  size: Size,
  headerBytes: number,
): Pixels {
  const tags = new Set(views.map(tagOf));
  const parts = Array.from(views, asBytes);
  if (tags.size === 1 && tags.has('Uint16Array')) {
    const resolved = format === 'auto' ? 'mono16' : format;
    if (layoutOf(resolved)?.stored !== 16) {
      refuse('ERR_FRAME_FORMAT', `payload: expected bytes for format ${format}, got a Uint16Array`);
    }
    return {
      parts,
      format: resolved,
      size,
      headerBytes,
      hostOrder: endianness() === 'LE' ? 'little' : 'big',
    };
  }
  for (const tag of tags) {
    if (tag !== 'Uint8Array' && tag !== 'Uint8ClampedArray')
      refuse('ERR_FRAME_FORMAT', `payload: ${EXPECTED}, got ${tag}`);
  }
  return { parts, format: bytesFormat(parts, format, size), size, headerBytes };
}

/** What bytes are: `auto` is settled here, by their beginning, so that all of a message is read alike. */
function bytesFormat(parts: readonly Uint8Array[], format: string, size: Size): string {
  if (parts.some((part) => part.length === 0)) {
    refuse('ERR_FRAME_SHAPE', 'payload: expected whole frames, got an empty buffer');
  }
  if (format !== 'auto' && format !== 'image') return format;
  const encoded = parts.filter(isEncodedImage).length;
  if (encoded === parts.length) return 'image';
  if (format === 'image' || encoded > 0) {
    refuse(
      'ERR_FRAME_FORMAT',
      `payload: expected PNG, JPEG, TIFF, BMP or PGM, got ${parts.length - encoded} part(s) that are none`,
    );
  }
  if (size.height === 0 || size.width === 0) {
    refuse(
      'ERR_FRAME_FORMAT',
      `payload: expected an encoded image, or width and height for raw mono8, got ${parts[0]?.length} bytes; ` +
        'set width and height, or msg.shape',
    );
  }
  return size.colour ? 'rgb8' : 'mono8';
}

function readPixels(payload: unknown, format: string, size: Size, headerBytes: number): Pixels {
  if (ArrayBuffer.isView(payload)) return readViews([payload], format, size, headerBytes);
  if (!Array.isArray(payload))
    return refuse('ERR_FRAME_FORMAT', `payload: ${EXPECTED}, got ${describe(payload)}`);
  if (payload.length === 0) refuse('ERR_FRAME_SHAPE', `payload: ${EXPECTED}, got an empty array`);
  // The first tells what it is: an array with holes can be four billion long, and walking it takes minutes.
  if (!ArrayBuffer.isView(payload[0])) {
    const { bytes, ...rest } = readArrays(payload, format, size);
    return { parts: [bytes], ...rest, headerBytes: 0, hostOrder: endianness() === 'LE' ? 'little' : 'big' };
  }
  const stranger = payload.findIndex((part) => !ArrayBuffer.isView(part));
  if (stranger >= 0)
    refuse('ERR_FRAME_FORMAT', `payload: ${EXPECTED}, got ${describe(payload[stranger])} among buffers`);
  return readViews(payload as ArrayBufferView[], format, size, headerBytes);
}

/** Frames in the message, undefined where only decoding can tell. Checks that raw parts hold whole frames. */
function countFrames({ parts, format, size, headerBytes }: Pixels): number | undefined {
  const layout = layoutOf(format);
  let frames: number | undefined;
  if (!layout) {
    frames = parts.some(holdsSeveral) ? undefined : parts.length;
  } else {
    if (size.height === 0 || size.width === 0) {
      refuse(
        'ERR_FRAME_SHAPE',
        `expected width and height for raw ${format}, got none; set them, or msg.shape`,
      );
    }
    const each = frameBytes(layout, size, headerBytes);
    const header = headerBytes > 0 ? ` behind a header of ${headerBytes}` : '';
    for (const part of parts) {
      if (part.length === 0 || part.length % each !== 0) {
        refuse(
          'ERR_FRAME_SHAPE',
          `payload: expected a multiple of ${each} bytes (${size.width}x${size.height} ${format}${header}), got ${part.length}`,
        );
      }
    }
    frames = parts.reduce((sum, part) => sum + part.length / each, 0);
  }
  if (frames !== undefined && size.frames !== undefined && frames !== size.frames) {
    refuse('ERR_FRAME_SHAPE', `payload: expected ${size.frames} frame(s) as msg.shape says, got ${frames}`);
  }
  return frames;
}

/** Capture times in Unix ms: none, the first frame's, or one a frame. */
function readStamps(msg: FrameMessage, frames: number | undefined): number[] {
  const { timestamp, timestamps } = msg;
  if (timestamps === undefined || timestamps === null) {
    return timestamp === undefined || timestamp === null ? [] : [toMillis(timestamp, 'msg.timestamp')];
  }
  const list: unknown[] | undefined = Array.isArray(timestamps)
    ? timestamps
    : tagOf(timestamps) === 'Float64Array'
      ? Array.from(timestamps as Float64Array)
      : undefined;
  if (!list || list.length === 0 || (frames !== undefined && list.length !== frames)) {
    throw new AtomscaleError(
      'ERR_VALUE',
      `msg.timestamps: expected an array of ${frames ?? 'one time a frame'}, got ${describe(timestamps)}`,
    );
  }
  // Array.from: an array of another realm maps to one of its own.
  return Array.from(list, (stamp, index) => toMillis(stamp, `msg.timestamps[${index}]`));
}

/**
 * A message's frames, checked as far as it goes without decoding; nothing is copied but number arrays.
 *
 * @throws AtomscaleError ERR_FRAME_FORMAT, ERR_FRAME_SHAPE, ERR_VALUE, ERR_SETTINGS
 */
export function readFrames(msg: FrameMessage, settings: RawSettings): CountedBatch {
  const asked = readFormat(msg.format ?? settings.format);
  const pixels = readPixels(msg.payload, asked, readSize(msg, settings, asked), readHeaderBytes(settings));
  const frames = countFrames(pixels);
  const stamps = readStamps(msg, frames);
  const depth = readDepth(settings, layoutOf(pixels.format));
  const region = readRegion(settings);
  const spec: FrameSpec = {
    format: pixels.format,
    width: pixels.size.width,
    height: pixels.size.height,
    headerBytes: pixels.headerBytes,
    ...depth,
    bigEndian: pixels.hostOrder ? pixels.hostOrder === 'big' : depth.bigEndian,
    ...(region ? { region } : {}),
  };
  return { parts: pixels.parts, spec, stamps, frames };
}
