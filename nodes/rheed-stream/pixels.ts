import { AtomscaleError, SettingsError } from '../../uploader/errors.js';
import type { FrameSpec, RawSettings } from '../../uploader/types.js';
import { describe } from '../common/kinds.js';
import { numberIn, oneOf } from './fields.js';

/** One raw pixel as it lies in memory. */
export interface PixelLayout {
  /** Bits a pixel takes; packed formats share bytes, also across the ends of rows. */
  readonly stored: 8 | 10 | 12 | 16 | 24 | 32;
  /** Samples a pixel: 1 gray, 3 or 4 colour. */
  readonly samples: 1 | 3 | 4;
  /** Bits of one sample that carry signal. */
  readonly bits: 8 | 10 | 12 | 16;
}

/** Raw formats by their GenICam (PFNC) names in lower case. */
const LAYOUTS: Readonly<Record<string, PixelLayout>> = {
  mono8: { stored: 8, samples: 1, bits: 8 },
  mono10: { stored: 16, samples: 1, bits: 10 },
  mono12: { stored: 16, samples: 1, bits: 12 },
  mono16: { stored: 16, samples: 1, bits: 16 },
  mono10p: { stored: 10, samples: 1, bits: 10 },
  mono12p: { stored: 12, samples: 1, bits: 12 },
  mono10packed: { stored: 12, samples: 1, bits: 10 },
  mono12packed: { stored: 12, samples: 1, bits: 12 },
  rgb8: { stored: 24, samples: 3, bits: 8 },
  bgr8: { stored: 24, samples: 3, bits: 8 },
  rgba8: { stored: 32, samples: 4, bits: 8 },
  bayerrg8: { stored: 8, samples: 1, bits: 8 },
  bayergr8: { stored: 8, samples: 1, bits: 8 },
  bayergb8: { stored: 8, samples: 1, bits: 8 },
  bayerbg8: { stored: 8, samples: 1, bits: 8 },
};

const FORMATS = ['auto', 'image', ...Object.keys(LAYOUTS)];

/** Layout of a raw format, undefined for `auto` and `image`. */
export function layoutOf(format: string): PixelLayout | undefined {
  return LAYOUTS[format];
}

/**
 * `msg.format`, else the setting, in lower case.
 *
 * @throws AtomscaleError ERR_FRAME_FORMAT
 */
export function readFormat(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'auto';
  const format = typeof value === 'string' ? value.trim().toLowerCase() : '';
  if (FORMATS.includes(format)) return format;
  throw new AtomscaleError(
    'ERR_FRAME_FORMAT',
    `format: expected one of ${FORMATS.join(', ')}, got ${describe(value)}`,
  );
}

/** Bytes of a raw frame of this size with its header. */
export function frameBytes(layout: PixelLayout, size: FrameSize, headerBytes: number): number {
  return headerBytes + Math.ceil((size.width * size.height * layout.stored) / 8);
}

interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** The most that is taken for a header and not for pixels. */
const MAX_HEADER = 1_000_000;

/**
 * Bytes before the pixels of each raw frame.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function readHeaderBytes(settings: RawSettings): number {
  return numberIn('headerBytes', settings.headerBytes, 0, 0, MAX_HEADER);
}

/** How gray levels are made of samples, apart from their format. */
export type Depth = Pick<
  FrameSpec,
  'bigEndian' | 'msbAligned' | 'significantBits' | 'depth' | 'low' | 'high'
>;

/**
 * `byteOrder`, `align`, `significantBits`, `depth`, `low`, `high`: settings of samples with more than 8 bits; those of 8
 * bits pass unchanged whatever is set here.
 *
 * @param layout undefined for encoded images
 * @throws SettingsError ERR_SETTINGS
 */
export function readDepth(settings: RawSettings, layout: PixelLayout | undefined): Depth {
  const bigEndian = oneOf('byteOrder', settings.byteOrder, ['little', 'big']) === 'big';
  const msbAligned = oneOf('align', settings.align, ['lsb', 'msb']) === 'msb';
  const depth = oneOf('depth', settings.depth, ['full-scale', 'frame-max', 'window']);
  const significantBits =
    layout?.bits === 8 ? 8 : numberIn('significantBits', settings.significantBits, layout?.bits ?? 0, 8, 16);
  if (depth !== 'window') return { bigEndian, msbAligned, significantBits, depth, low: 0, high: 0 };
  const low = numberIn('low', settings.low, 0, 0, 65_535);
  const high = numberIn('high', settings.high, 2 ** (significantBits || 16) - 1, 0, 65_535);
  if (low < high) return { bigEndian, msbAligned, significantBits, depth, low, high };
  throw new SettingsError('high', `high: expected more than low (${low}) for depth window, got ${high}`);
}
