import { AtomscaleError } from '../../uploader/errors.js';
import { describe } from '../common/kinds.js';
import { layoutOf } from './pixels.js';
import { agree, type Size, sizeOfDims } from './size.js';

/** The largest frame in colour; what a shape promises beyond is refused before memory is taken for it. */
const MAX_NUMBERS = 4 * 64_000_000;

/** Pixels that came as number arrays, made raw. */
export interface RawPixels {
  /** Little endian when a sample has two bytes. */
  readonly bytes: Uint8Array;
  readonly format: string;
  readonly size: Size;
}

/** Lengths of the nested arrays, by their first members. */
function dimsOf(payload: readonly unknown[]): number[] {
  const dims: number[] = [];
  let level: unknown = payload;
  while (Array.isArray(level)) {
    if (level.length === 0) {
      throw new AtomscaleError('ERR_FRAME_SHAPE', 'payload: expected rows of numbers, got an empty array');
    }
    dims.push(level.length);
    level = level[0];
  }
  return dims;
}

function flatten(
  payload: unknown,
  dims: readonly number[],
  target: Uint8Array | Uint16Array,
  max: number,
): void {
  let at = 0;
  const walk = (level: unknown, depth: number): void => {
    if (depth === dims.length) {
      if (typeof level !== 'number' || !Number.isInteger(level) || level < 0 || level > max) {
        throw new AtomscaleError(
          'ERR_FRAME_FORMAT',
          `payload: expected whole numbers from 0 to ${max}, got ${describe(level)} at ${at}`,
        );
      }
      target[at] = level;
      at += 1;
      return;
    }
    if (!Array.isArray(level) || level.length !== dims[depth]) {
      throw new AtomscaleError(
        'ERR_FRAME_SHAPE',
        `payload: expected rows of equal length (${dims.join('x')}), got ${describe(level)} where ${dims[depth]} numbers belong`,
      );
    }
    for (const member of level) walk(member, depth + 1);
  };
  walk(payload, 0);
}

/** A flat array has no shape of its own: it takes the one that was announced. */
function flatSize(length: number, announced: Size, samples: number): Size {
  const each = announced.height * announced.width * samples;
  if (each > 0 && length % each === 0) {
    const own = { ...announced, frames: length / each };
    agree(announced, own);
    return own;
  }
  throw new AtomscaleError(
    'ERR_FRAME_SHAPE',
    each > 0
      ? `payload: expected ${each} numbers a frame (${announced.width}x${announced.height}), got ${length}`
      : `payload: expected a shape for a flat array of ${length} numbers, got none; set msg.shape or width and height`,
  );
}

/** The format that numbers are in: one of whole bytes, and for `auto` gray or colour by their shape. */
function rawFormat(format: string, colour: boolean): string {
  if (format === 'auto') return colour ? 'rgb8' : 'mono8';
  const layout = layoutOf(format);
  // Numbers are samples already: nothing is packed.
  if (layout && layout.stored % 8 !== 0) return `mono${layout.bits}`;
  if (format !== 'image') return format;
  throw new AtomscaleError(
    'ERR_FRAME_FORMAT',
    'payload: expected an encoded image (format image), got numbers',
  );
}

/**
 * Number arrays, [h][w], [n][h][w], [h][w][3] or flat with a known size, to raw pixels.
 *
 * @throws AtomscaleError ERR_FRAME_SHAPE when ragged or of another size, ERR_FRAME_FORMAT when a number does not fit
 */
export function readArrays(payload: readonly unknown[], format: string, announced: Size): RawPixels {
  const dims = dimsOf(payload);
  if (dims.length > 3) {
    throw new AtomscaleError(
      'ERR_FRAME_SHAPE',
      `payload: expected [h][w], [n][h][w] or [h][w][3], got ${dims.length} dimensions`,
    );
  }
  const nested = dims.length > 1 ? sizeOfDims(dims, format) : undefined;
  const resolved = rawFormat(format, (nested ?? announced).colour);
  const layout = layoutOf(resolved);
  if (!layout) throw new AtomscaleError('ERR_FRAME_FORMAT', `format: expected a raw format, got ${resolved}`);
  const size = nested ?? flatSize(dims[0] ?? 0, announced, layout.samples);
  if (nested) agree(announced, nested);
  if (nested && layout.samples > 1 && !nested.colour) {
    throw new AtomscaleError(
      'ERR_FRAME_SHAPE',
      `payload: expected [h][w][${layout.samples}] for ${resolved}, got ${dims.join('x')}`,
    );
  }
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (count > MAX_NUMBERS) {
    throw new AtomscaleError(
      'ERR_FRAME_SHAPE',
      `payload: expected at most ${MAX_NUMBERS} numbers, got ${dims.join('x')}; send pixels as a Buffer`,
    );
  }
  if (layout.bits === 8) {
    const bytes = new Uint8Array(count);
    flatten(payload, dims, bytes, 255);
    return { bytes, format: resolved, size };
  }
  const words = new Uint16Array(count);
  flatten(payload, dims, words, 65_535);
  return { bytes: new Uint8Array(words.buffer), format: resolved, size };
}
