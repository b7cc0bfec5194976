/** Where the frames of the suites come from. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { root } from '../../scripts/run.mjs';
import { mulberry32 } from '../../scripts/start/camera.mts';
import { grayBmp } from './bmp.mts';

/** Gray frames of one size. Every run makes the very same ones. */
export interface Source {
  readonly width: number;
  readonly height: number;
  /** Frame `i`; sources may repeat themselves. */
  readonly frame: (i: number) => Uint8Array;
}

/** Frames in the order of their files' names, again and again. */
export interface RealFrames extends Source {
  readonly files: readonly string[];
}

/** A text says why there are none. */
export async function realFrames(folder: string): Promise<RealFrames | string> {
  const from = resolve(root, folder);
  const names = (await readdir(from).catch(() => [])).filter((name) => /^dep_.*\.bmp$/.test(name)).sort();
  if (names.length === 0) return `no dep_*.bmp in ${folder}; --frames DIR names another folder`;
  const files = names.map((name) => join(from, name));
  const images = await Promise.all(files.map(async (file) => grayBmp(await readFile(file))));
  const [{ width, height }] = images as [ReturnType<typeof grayBmp>];
  return { ...repeated(width, height, Buffer.concat(images.map(({ pixels }) => pixels))), files };
}

/** Frames that lie one after the other, again and again. */
export function repeated(width: number, height: number, pixels: Uint8Array): Source {
  const size = width * height;
  const count = pixels.length / size;
  return { width, height, frame: (i) => pixels.subarray((i % count) * size, ((i % count) + 1) * size) };
}

/** The middle of every frame. */
export function cropped(source: Source, width: number, height: number): Source {
  const [left, top] = [(source.width - width) >> 1, (source.height - height) >> 1];
  return {
    ...source,
    width,
    height,
    frame: (i) => {
      const whole = source.frame(i);
      const out = new Uint8Array(width * height);
      for (let row = 0; row < height; row += 1) {
        const at = (top + row) * source.width + left;
        out.set(whole.subarray(at, at + width), row * width);
      }
      return out;
    },
  };
}

/** Bytes of even chance: nothing to compress. */
export function noise(width: number, height: number, seed = 1): Source {
  const random = mulberry32(seed);
  const frame = (): Uint8Array => Uint8Array.from({ length: width * height }, () => 256 * random());
  return { width, height, frame };
}

/**
 * A RHEED pattern with the noise of a camera: five streaks and a specular spot over a diffuse background, dark below
 * the sample's edge, the spot's light swinging once in 2.6 s at 120 frames a second; every pixel with Gaussian noise of
 * its own, sigma 2 counts. The camera of `npm start` draws a finer pattern, but its noise is cut at two sigma and
 * repeats itself, which flatters a compressor.
 */
export function noisyRheed(width: number, height: number, seed = 1): Source {
  const random = mulberry32(seed);
  const gaussian = gaussianTable(2, random);
  const { still, spot } = pattern(width, height);
  const frame = (i: number): Uint8Array => {
    const light = 0.6 + 0.4 * Math.cos((2 * Math.PI * i) / (2.6 * 120));
    const out = new Uint8ClampedArray(width * height);
    for (let p = 0; p < out.length; p += 1) {
      const noise = gaussian[(random() * gaussian.length) | 0] as number;
      out[p] = (still[p] as number) + light * (spot[p] as number) + noise;
    }
    return new Uint8Array(out.buffer);
  };
  return { width, height, frame };
}

function pattern(width: number, height: number): { still: Float32Array; spot: Float32Array } {
  const [still, spot] = [new Float32Array(width * height), new Float32Array(width * height)];
  const gauss = (distance: number, sigma: number): number => Math.exp(-0.5 * (distance / sigma) ** 2);
  for (let p = 0; p < still.length; p += 1) {
    // From -1 to 1 over the width, from 0 to 1 down the height.
    const [x, y] = [((p % width) / width) * 2 - 1, Math.floor(p / width) / height];
    const lit = 1 / (1 + Math.exp((y - 0.84) * 170));
    const streaks = [-2, -1, 0, 1, 2].reduce(
      (sum, order) =>
        sum + 70 * gauss(x - order * 0.34, 0.016) * gauss(y - 0.7 + 0.1 * order * order * 0.34, 0.12),
      0,
    );
    still[p] = 6 + lit * (34 * gauss(x, 0.6) * gauss(y - 0.68, 0.32) + streaks);
    spot[p] = lit * 120 * gauss(x, 0.022) * gauss(y - 0.7, 0.03);
  }
  return { still, spot };
}

/** Values of a Gaussian, drawn by Box and Muller, to be picked from with even chance. */
function gaussianTable(sigma: number, random: () => number): Float32Array {
  return Float32Array.from(
    { length: 1 << 20 },
    () => sigma * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}
