import { AtomscaleError } from '../../../uploader/errors.js';
import type { RawSettings } from '../../../uploader/types.js';
import { oneOf } from '../fields.js';
import { frameBytes, layoutOf, readFormat, readHeaderBytes } from '../pixels.js';
import { readSize } from '../size.js';
import type { Layout } from './source.js';

/**
 * Whether a message holds whole frames, or a slice of a byte stream.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function readFraming(settings: RawSettings): 'message' | 'bytes' {
  return oneOf('framing', settings.framing, ['message', 'bytes']);
}

/**
 * How the frames of a byte stream are told apart: raw ones by their size, images by their ends. `auto` with a size
 * may be either.
 *
 * @throws AtomscaleError ERR_FRAME_FORMAT, ERR_FRAME_SHAPE, ERR_SETTINGS
 */
export function readLayout(
  msg: { shape?: unknown; width?: unknown; height?: unknown; format?: unknown },
  settings: RawSettings,
): Layout {
  const format = readFormat(msg.format ?? settings.format);
  if (format === 'image') return { format, frameBytes: 0 };
  const size = readSize(msg, settings, format);
  const isSized = size.height > 0 && size.width > 0;
  if (format === 'auto' && !isSized) return { format, frameBytes: 0 };
  const pixels = layoutOf(format === 'auto' ? rawOfAuto(size) : format);
  if (pixels === undefined || !isSized) {
    throw new AtomscaleError(
      'ERR_FRAME_SHAPE',
      `expected width and height for raw ${format} frames in a byte stream, got none; set them`,
    );
  }
  return { format, frameBytes: frameBytes(pixels, size, readHeaderBytes(settings)) };
}

/** The raw format that `auto` stands for. */
export const rawOfAuto = ({ colour }: { readonly colour: boolean }): string => (colour ? 'rgb8' : 'mono8');
