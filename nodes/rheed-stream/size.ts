import { AtomscaleError } from '../../uploader/errors.js';
import type { RawSettings } from '../../uploader/types.js';
import { describe } from '../common/kinds.js';

/** The service's analysis and this project's memory end here. */
const MAX_PIXELS = 64_000_000;

/** What message and settings say about the frames' size; 0 and undefined = not said. */
export interface Size {
  readonly height: number;
  readonly width: number;
  /** Frames in the message. */
  readonly frames: number | undefined;
  /** The shape was [h, w, 3]. */
  readonly colour: boolean;
}

function refuse(text: string): never {
  throw new AtomscaleError('ERR_FRAME_SHAPE', text);
}

function pixels(name: string, value: unknown): number {
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
  if (Number.isInteger(number) && number > 0) return number;
  return refuse(`${name}: expected a whole number of pixels above 0, got ${describe(value)}`);
}

/** `msg.width` or `msg.height`, else the setting; 0 when neither is given. */
function side(name: 'width' | 'height', given: unknown, setting: unknown): number {
  if (given !== undefined && given !== null) return pixels(`msg.${name}`, given);
  if (setting === undefined || setting === null || setting === '' || Number(setting) === 0) return 0;
  return pixels(name, setting);
}

/** Samples a pixel that the last number of a shape may stand for. */
function isColour(last: number, format: string): boolean {
  return format === 'rgba8' ? last === 4 : last === 3 && !/^(mono|bayer)/.test(format);
}

/**
 * Tells [n, h, w] from [h, w, 3]: the last is colour when the format does not exclude it.
 *
 * @param dims two or three whole numbers above 0
 */
export function sizeOfDims(dims: readonly number[], format: string): Size {
  const [first = 0, second = 0, third] = dims;
  if (third === undefined) return { height: first, width: second, frames: undefined, colour: false };
  if (isColour(third, format)) return { height: first, width: second, frames: 1, colour: true };
  return { height: second, width: third, frames: first, colour: false };
}

function shapeSize(shape: unknown, format: string): Size {
  if (!Array.isArray(shape) || (shape.length !== 2 && shape.length !== 3)) {
    return refuse(`msg.shape: expected [h, w], [n, h, w] or [h, w, 3], got ${describe(shape)}`);
  }
  return sizeOfDims(
    shape.map((value: unknown, index) => pixels(`msg.shape[${index}]`, value)),
    format,
  );
}

/**
 * The frames' size by `msg.shape`, else `msg.width` and `msg.height`, else the settings.
 *
 * @throws AtomscaleError ERR_FRAME_SHAPE
 */
export function readSize(
  msg: { shape?: unknown; width?: unknown; height?: unknown },
  settings: RawSettings,
  format: string,
): Size {
  const size: Size =
    msg.shape === undefined || msg.shape === null
      ? {
          height: side('height', msg.height, settings.height),
          width: side('width', msg.width, settings.width),
          frames: undefined,
          colour: false,
        }
      : shapeSize(msg.shape, format);
  if (size.height * size.width > MAX_PIXELS) {
    refuse(
      `expected at most ${MAX_PIXELS} pixels a frame, got ${size.width}x${size.height}; crop or bin at the camera`,
    );
  }
  return size;
}

/** Refuses an array whose own size is not the one that was announced. */
export function agree(announced: Size, own: Size): void {
  const clash =
    (announced.height !== 0 && announced.height !== own.height) ||
    (announced.width !== 0 && announced.width !== own.width) ||
    (announced.frames !== undefined && announced.frames !== (own.frames ?? 1));
  if (!clash) return;
  const show = ({ frames, height, width }: Size) => `${frames ?? 1} frame(s) of ${width}x${height}`;
  refuse(`payload: expected ${show(announced)} as shape, width and height say, got ${show(own)}`);
}
