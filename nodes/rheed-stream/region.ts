import { SettingsError } from '../../uploader/errors.js';
import type { RawSettings, Region } from '../../uploader/types.js';
import { describe } from '../common/kinds.js';
import { numberIn, oneOf } from './fields.js';

/** Longer than the side of any frame. */
const MAX_SIDE = 65_535;

const BINS: readonly unknown[] = [1, 2, 4];

function readBin(value: unknown): number {
  const bin = value === undefined || value === null || value === '' ? 1 : Number(value);
  if (BINS.includes(bin)) return bin;
  throw new SettingsError('bin', `bin: expected 1, 2 or 4, got ${describe(value)}`);
}

/**
 * `cropX`, `cropY`, `cropWidth`, `cropHeight`, `bin`, `flip`: what of a frame is kept; undefined = all of it, as it is.
 * Whether it is inside of the frame shows when the frame is decoded.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function readRegion(settings: RawSettings): Region | undefined {
  const side = (name: string) => numberIn(name, settings[name], 0, 0, MAX_SIDE);
  const region: Region = {
    x: side('cropX'),
    y: side('cropY'),
    width: side('cropWidth'),
    height: side('cropHeight'),
    bin: readBin(settings.bin),
    flip: oneOf('flip', settings.flip, ['none', 'horizontal', 'vertical', 'both']),
  };
  const { x, y, width, height, bin, flip } = region;
  const isWhole = x + y + width + height === 0 && bin === 1 && flip === 'none';
  return isWhole ? undefined : region;
}
