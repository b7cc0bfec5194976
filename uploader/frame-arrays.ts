import { AtomscaleError } from './errors.js';
import type { FrameSpec } from './types.js';

/** Gray frames as array libraries give them: uint8, C order, shape (N,H,W) or (H,W). */
export interface Frames {
  readonly data: Uint8Array;
  readonly shape: readonly number[];
}

/** Nested arrays of gray values 0–255: [h][w] or [n][h][w]. */
export type NestedFrames = readonly (readonly number[])[] | readonly (readonly (readonly number[])[])[];

/** Frames in one piece, `data.length` = n·h·w. */
export interface FlatFrames {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Raw gray frames of 8 bits, taken as they are. */
export const gray8 = (width: number, height: number): FrameSpec => ({
  format: 'mono8',
  width,
  height,
  headerBytes: 0,
  bigEndian: false,
  msbAligned: false,
  significantBits: 8,
  depth: 'full-scale',
  low: 0,
  high: 255,
});

/**
 * Checks frames given to the library.
 *
 * @throws AtomscaleError ERR_FRAME_SHAPE, ERR_FRAME_FORMAT
 */
export function flatFrames(frames: Frames | NestedFrames): FlatFrames {
  const { data, shape } = isNested(frames) ? flattened(frames) : frames;
  const [width = 0, height = 0, count = 1] = [...(shape ?? [])].reverse();
  const isWhole = [width, height, count].every((length) => Number.isInteger(length) && length > 0);
  const isBytes = Object.prototype.toString.call(data) === '[object Uint8Array]';
  if (!isBytes || !isWhole || shape.length > 3 || data.length !== count * height * width) {
    throw new AtomscaleError(
      'ERR_FRAME_SHAPE',
      'frames: expected {data: Uint8Array, shape: [n, height, width] or [height, width]} with n·height·width bytes, ' +
        `or nested arrays of as many values; got ${data?.length ?? 'no'} bytes and shape ${JSON.stringify(shape)}`,
    );
  }
  return { data, height, width };
}

/** True when nobody but the owner of these bytes can change them or take their memory away. */
export const isLendable = ({ buffer }: Uint8Array): boolean =>
  Object.prototype.toString.call(buffer) === '[object ArrayBuffer]' &&
  !(buffer as { resizable?: boolean }).resizable;

const isNested = (frames: Frames | NestedFrames): frames is NestedFrames => Array.isArray(frames);

function flattened(frames: NestedFrames): Frames {
  const shape: number[] = [];
  for (let level: unknown = frames; Array.isArray(level); level = level[0]) shape.push(level.length);
  const values = frames.flat(2) as readonly number[];
  const isGray = values.every((value) => Number.isInteger(value) && value >= 0 && value <= 255);
  if (!isGray) {
    throw new AtomscaleError(
      'ERR_FRAME_FORMAT',
      'frames: expected whole numbers from 0 to 255, got other values',
    );
  }
  const isRagged = frames.some((row) => row.length !== shape[1]);
  if (isRagged)
    throw new AtomscaleError('ERR_FRAME_SHAPE', 'frames: expected rows of equal length, got ragged ones');
  return { data: Uint8Array.from(values), shape };
}
