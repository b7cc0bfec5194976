import type { RawSettings } from '../../uploader/types.js';
import { type CameraMessage, withSize, withTime } from './completed.js';
import { type CountedBatch, readFrames } from './frames.js';
import type { ByteSources } from './framing/byte-sources.js';
import { rawOfAuto, readFraming, readLayout } from './framing/layout.js';
import type { SliceMessage } from './framing/slice.js';
import { readFormat } from './pixels.js';
import { readSize } from './size.js';

type Message = CameraMessage & SliceMessage;

/**
 * The frames of a message, or those that it completes of a byte stream; null when it completes none.
 *
 * @throws AtomscaleError ERR_FRAME_FORMAT, ERR_FRAME_SHAPE, ERR_VALUE, ERR_SETTINGS
 */
export function readMessage(
  msg: Message,
  settings: RawSettings,
  stream: string,
  sources: ByteSources,
): CountedBatch | null {
  const sized = withSize(msg);
  if (readFraming(settings) === 'message') {
    try {
      return readFrames(withTime(sized, settings), settings);
    } catch (error) {
      sources.refused(msg, stream);
      throw error;
    }
  }
  const { parts, images } = sources.take(sized, stream, () => readLayout(sized, settings));
  if (parts.length === 0) return null;
  // The name of a file is the time of its first frame alone, and slices all have it.
  const timed = withTime(sized, {});
  return readFrames({ ...timed, payload: parts, ...pixelsOf(sized, settings, images) }, settings);
}

/** A slice is refused unread: what is returned takes note of it, and keeps nothing of its bytes. */
export function missedMessage(
  msg: Message,
  sources: ByteSources,
): (settings: RawSettings, stream: string) => void {
  const missed = sources.missed(msg);
  const { shape, width, height, format } = withSize(msg);
  return (settings, stream) => {
    if (settings.framing === 'bytes')
      missed(stream, () => readLayout({ shape, width, height, format }, settings));
  };
}

/** What the frames of a byte stream are: `auto` was settled by the first of them, and a shape counts none. */
function pixelsOf(msg: Message, settings: RawSettings, images: boolean) {
  if (images) return { shape: undefined, format: 'image' };
  const asked = readFormat(msg.format ?? settings.format);
  const size = readSize(msg, settings, asked);
  const { width, height } = size;
  return { shape: undefined, width, height, format: asked === 'auto' ? rawOfAuto(size) : asked };
}
