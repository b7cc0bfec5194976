import { AtomscaleError, SettingsError } from '../../uploader/errors.js';
import type { FrameSpec, RawSettings } from '../../uploader/types.js';
import { describe } from '../common/kinds.js';

/** One raw pixel as it lies in memory. */
export interface PixelLayout {
  /** Bytes a pixel. */
  readonly bytes: 1 | 2 | 3 | 4;
  /** Samples a pixel: 1 gray, 3 or 4 colour. */
  readonly samples: 1 | 3 | 4;
  /** Bits of one sample that carry signal. */
  readonly bits: number;
}

/** Raw formats by their GenICam (PFNC) names in lower case. */
const LAYOUTS: Readonly<Record<string, PixelLayout>> = {
  mono8: { bytes: 1, samples: 1, bits: 8 },
  mono10: { bytes: 2, samples: 1, bits: 10 },
  mono12: { bytes: 2, samples: 1, bits: 12 },
  mono16: { bytes: 2, samples: 1, bits: 16 },
  rgb8: { bytes: 3, samples: 3, bits: 8 },
  bgr8: { bytes: 3, samples: 3, bits: 8 },
  rgba8: { bytes: 4, samples: 4, bits: 8 },
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

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function numberIn(name: string, value: unknown, fallback: number, min: number, max: number): number {
  if (isBlank(value)) return fallback;
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new SettingsError(
    name,
    `${name}: expected a whole number from ${min} to ${max}, got ${describe(value)}`,
  );
}

function oneOf<T extends string>(name: string, value: unknown, options: readonly [T, ...T[]]): T {
  if (isBlank(value)) return options[0];
  const found = options.find((option) => option === value);
  if (found !== undefined) return found;
  throw new SettingsError(name, `${name}: expected ${options.join(' or ')}, got ${describe(value)}`);
}

/** How gray levels are made, apart from the format: `byteOrder`, `significantBits`, `depth`, `low`, `high`. */
export type Depth = Pick<FrameSpec, 'bigEndian' | 'significantBits' | 'depth' | 'low' | 'high'>;

/**
 * Settings of samples with more than 8 bits; those of 8 bits pass unchanged whatever is set here.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function readDepth(settings: RawSettings, bits: number): Depth {
  const bigEndian = oneOf('byteOrder', settings.byteOrder, ['little', 'big']) === 'big';
  const depth = oneOf('depth', settings.depth, ['full-scale', 'frame-max', 'window']);
  const significantBits = bits === 8 ? 8 : numberIn('significantBits', settings.significantBits, bits, 8, 16);
  if (depth !== 'window') return { bigEndian, significantBits, depth, low: 0, high: 0 };
  const low = numberIn('low', settings.low, 0, 0, 65_535);
  const high = numberIn('high', settings.high, 2 ** significantBits - 1, 0, 65_535);
  if (low < high) return { bigEndian, significantBits, depth, low, high };
  throw new SettingsError('high', `high: expected more than low (${low}) for depth window, got ${high}`);
}
