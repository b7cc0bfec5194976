/**
 * A simulated RHEED camera: 8-bit gray frames of a growing crystal, drawn from a seed.
 *
 * A frame is the sum of precomputed images (background with Kikuchi lines and bands, streaks, specular spot),
 * the last two weighted by the growth, plus noise taken from a pool at a random offset: cheap enough for
 * 120 frames a second beside everything else.
 */

export interface CameraOptions {
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly fps: number;
  readonly seed: number;
}

/** What the crystal does from frame `since` on, and the surface's smoothness (0–1) it began with. */
export interface Growth {
  readonly phase: 'resting' | 'growing';
  readonly since: number;
  readonly from: number;
}

/** Seconds a monolayer takes: one oscillation of the specular spot. */
export const MONOLAYER_S = 2.6;
/** The oscillation dies out as the layers lose step. */
const DAMPING_S = 45;
/** After the shutter closes the surface smooths out again. */
const RECOVERY_S = 7;
const NOISE_POOL = 1 << 20;

export class RheedCamera {
  readonly options: CameraOptions;
  /** The growth before the first start: a smooth, resting surface. */
  static readonly atRest: Growth = { phase: 'resting', since: 0, from: 1 };

  readonly #background: Int16Array;
  /** Gray levels · 16, so that a small change of their weight is no step; so is the specular spot. */
  readonly #streaks: Int16Array;
  readonly #specular: Int16Array;
  /** Unit Gaussian noise · 64. */
  readonly #noise: Int8Array;
  /** Noise (sigma · 4) by gray level: 1.6 counts of the readout, and shot noise on top. */
  readonly #sigma: Uint8Array;

  constructor(options: CameraOptions) {
    this.options = options;
    const random = mulberry32(options.seed);
    const scene = paint(options.width, options.height, random);
    this.#background = scene.background;
    this.#streaks = scene.streaks;
    this.#specular = scene.specular;
    this.#noise = gaussianPool(NOISE_POOL, random);
    this.#sigma = Uint8Array.from({ length: 1024 }, (_, level) => 4 * Math.sqrt(1.6 ** 2 + 0.028 * level));
  }

  /** Frame `i` (counted from 0 since the camera was switched on) as raw mono8, rows from the top. */
  frame(i: number, growth: Growth): Uint8Array {
    const { width, height, fps, seed } = this.options;
    const pixels = width * height;
    const out = new Uint8ClampedArray(pixels);
    const smooth = smoothness(growth, i, fps);
    const beam = 1 + 0.008 * Math.sin(i / fps / 3.1) + 0.004 * Math.sin(i * 0.9);
    const spot = Math.round(256 * beam * (0.16 + 0.84 * smooth));
    const lines = Math.round(256 * beam * (0.86 + 0.14 * smooth));
    const [background, streaks, specular] = [this.#background, this.#streaks, this.#specular];
    const [noise, sigma] = [this.#noise, this.#sigma];
    const mask = NOISE_POOL - 1;
    const offset = hash(seed, i) & mask;
    for (let p = 0; p < pixels; p++) {
      // biome-ignore-start lint/style/noNonNullAssertion: the indices are within the arrays by construction
      const light = background[p]! + ((streaks[p]! * lines + specular[p]! * spot + 2048) >> 12);
      out[p] = light + ((noise[(offset + p) & mask]! * sigma[light]!) >> 8);
      // biome-ignore-end lint/style/noNonNullAssertion: as above
    }
    return new Uint8Array(out.buffer);
  }
}

/** How smooth the surface is at frame `i`, 0–1: what the specular spot shows. */
export function smoothness(growth: Growth, i: number, fps: number): number {
  const t = Math.max(0, i - growth.since) / fps;
  if (growth.phase === 'resting') {
    return 1 - (1 - growth.from) * Math.exp(-t / RECOVERY_S);
  }
  const rough = 0.42 + 0.1 * Math.exp(-t / DAMPING_S);
  const swing = 0.44 * Math.exp(-t / DAMPING_S) * Math.cos((2 * Math.PI * t) / MONOLAYER_S);
  const growing = rough + swing;
  // The first half layer starts from the surface as it was left.
  const smooth = growing + (growth.from - (0.52 + 0.44)) * Math.exp(-t / (MONOLAYER_S / 2));
  return Math.min(1, Math.max(0, smooth));
}

interface Scene {
  readonly background: Int16Array;
  readonly streaks: Int16Array;
  readonly specular: Int16Array;
}

/** Draws the parts of the pattern; lengths are for 500 × 300 pixels and scale with the frame. */
function paint(width: number, height: number, random: () => number): Scene {
  const size = width * height;
  const background = new Int16Array(size);
  const streaks = new Int16Array(size);
  const specular = new Int16Array(size);
  const kikuchi = kikuchiLines(random);
  for (let row = 0; row < height; row++) {
    const y = (row * 300) / height;
    for (let column = 0; column < width; column++) {
      const x = (column * 500) / width - 250 + 0.03 * (y - 150); // the sample is never quite straight
      const p = row * width + column;
      const lit = shadowEdge(x, y);
      const diffuse = 34 * gauss(x, 150) * gauss(y - 205, 95) + 18 * gauss(x, 420) * gauss(y - 150, 160);
      background[p] = Math.round(5 + lit * (diffuse + kikuchi(x, y)) + directBeam(x, y) + hotPixel(random));
      streaks[p] = Math.round(16 * lit * streakPattern(x, y));
      specular[p] = Math.round(
        16 * lit * (205 * gauss(x, 5.5) * gauss(y - 214, 9) + 42 * gauss(x, 12) * gauss(y - 212, 24)),
      );
    }
  }
  return { background, streaks, specular };
}

/** Below the sample's edge the screen is dark. */
function shadowEdge(x: number, y: number): number {
  return 1 / (1 + Math.exp((y - 252 - 0.012 * x) / 1.8));
}

/** What passes the sample's edge, weakly. */
function directBeam(x: number, y: number): number {
  return 38 * gauss(x + 1, 4) * gauss(y - 276, 4);
}

/** Streaks along the rods, brightest on the Laue circle; weak half-order ones between them. */
function streakPattern(x: number, y: number): number {
  const spacing = 84;
  let light = 0;
  for (let order = -6; order <= 6; order++) {
    const half = order / 2;
    const at = half * spacing;
    const circle = 214 - (at * at) / 620; // the Laue circle bends up from the specular spot
    const fundamental = order % 2 === 0;
    const peak = order === 0 ? 52 : fundamental ? 118 * gauss(at, 130) : 26 * gauss(at, 110);
    const across = lorentz(x - at, fundamental ? 4.6 : 3.6);
    const along = gauss(y - circle, fundamental ? 36 : 26) + 0.22 * gauss(y - circle + 40, 75);
    light += peak * across * along;
  }
  return light;
}

/** Kikuchi lines (pairs, slanted) and a band: faint, fixed by the crystal, not by the growth. */
function kikuchiLines(random: () => number): (x: number, y: number) => number {
  const lines = [-0.82, -0.5, 0.5, 0.82, -1.35, 1.35].map((slope) => ({
    slope,
    at: 208 + 14 * random(),
    light: 3 + 3 * random(),
  }));
  return (x, y) => {
    let light = 4 * gauss(y - 96 + (x * x) / 900, 16);
    for (const line of lines) {
      const distance =
        (y - line.at + 0.6 * line.slope * x + 60 * Math.abs(line.slope)) / Math.hypot(1, line.slope);
      light += line.light * (gauss(distance, 2.4) - 0.6 * gauss(distance - 7, 3));
    }
    return light;
  };
}

function hotPixel(random: () => number): number {
  return random() < 0.00012 ? 20 + 60 * random() : 0;
}

function gauss(distance: number, sigma: number): number {
  return Math.exp(-0.5 * (distance / sigma) ** 2);
}

function lorentz(distance: number, width: number): number {
  return 1 / (1 + (distance / width) ** 2) ** 1.3;
}

/** Gaussian noise of sigma 64, cut at two sigma by the type's range. */
function gaussianPool(size: number, random: () => number): Int8Array {
  return Int8Array.from({ length: size }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const value = 64 * radius * Math.cos(2 * Math.PI * random());
    return Math.max(-128, Math.min(127, Math.round(value)));
  });
}

/** Small seeded generator, 0 ≤ x < 1. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function hash(seed: number, i: number): number {
  let h = Math.imul(seed ^ i, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
