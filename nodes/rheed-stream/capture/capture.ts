import { AtomscaleError } from '../../../uploader/errors.js';
import type { FrameBatch } from '../../../uploader/types.js';
import type { CountedBatch } from '../frames.js';
import { Gaps } from './gaps.js';
import { imagesIn } from './pages.js';
import { Rate } from './rate.js';
import { type Plan, Thinning, type Times } from './thinning.js';

/** More in one file are not counted. */
const MOST_PAGES = 100_000;

/** What came of a message. */
export interface Taken {
  /** Null when all of its frames are thinned. */
  readonly batch: FrameBatch | null;
  /** Frames that are now known to be missing before these. */
  readonly missing: number;
  /** The measured rate was just found to be another one than the declared. */
  readonly isOff: boolean;
}

/** The camera of one stream: which of its frames are kept, how many come a second, and how many are missing. */
export class Capture {
  readonly #thinning = new Thinning();
  readonly #rate = new Rate();
  readonly #gaps = new Gaps();
  /** Declared, when frames last came. */
  #fps = Number.NaN;
  /** Frames that `every` and `maxFps` took out. */
  thinned = 0;
  /** Frames that broke off. */
  cut = 0;

  /** Frames missing between those that came, by their stamps. */
  get missing(): number {
    return this.#gaps.missing;
  }

  /** Measured frames a second, null before they are known. */
  get measured(): number | null {
    return this.#rate.measured;
  }

  /** The measured and the declared rate where they differ for good. */
  get off(): { readonly measured: number; readonly declared: number } | undefined {
    return this.#rate.isOff ? { measured: this.#rate.measured ?? 0, declared: this.#fps } : undefined;
  }

  /**
   * @param fps declared frames a second, of those that are kept
   * @param now monotonic, ms: when the message came
   * @throws AtomscaleError ERR_FRAME_SHAPE
   */
  take(batch: CountedBatch, plan: Plan, fps: number, now: number): Taken {
    this.#fps = fps;
    const thinned = plan.every === 1 && plan.maxFps === null ? batch : this.#thin(batch, plan, now);
    if (thinned.frames === 0) return { batch: null, missing: 0, isOff: false };
    return { batch: thinned, ...this.#measure(thinned, plan, now) };
  }

  #thin(batch: CountedBatch, plan: Plan, now: number): CountedBatch {
    const frames = batch.frames ?? filesOfOne(batch.parts);
    const areStamps = batch.stamps.length > 0;
    const times: Times = { areStamps, at: areStamps ? batch.stamps : [now] };
    const kept = this.#thinning.keep(frames, times, plan);
    this.thinned += frames - kept.length;
    if (kept.length === frames) return batch;
    return {
      spec: batch.spec,
      frames: kept.length,
      parts: pick(batch.parts, frames, kept),
      stamps: this.#stampsOf(batch.stamps, frames, kept, plan),
    };
  }

  /** The first frame's stamp is that of the first one kept: frames come as often as kept ones are declared to. */
  #stampsOf(stamps: readonly number[], frames: number, kept: readonly number[], { every, maxFps }: Plan) {
    const [first, ...others] = stamps;
    if (first === undefined || kept.length === 0) return [];
    if (others.length > 0 || frames === 1) return kept.map((index) => stamps[index] as number);
    const period = maxFps === null ? 1000 / (this.#fps * every) : (1000 * kept.length) / (this.#fps * frames);
    return [first + (kept[0] as number) * period];
  }

  #measure(batch: CountedBatch, plan: Plan, now: number): Omit<Taken, 'batch'> {
    const fps = this.#fps;
    if (!(fps > 0)) return { missing: 0, isOff: false };
    const { stamps } = batch;
    const frames = batch.frames ?? pagesOf(batch.parts);
    const [first] = stamps;
    const isOff = this.#rate.saw(frames, first ?? now, first !== undefined, fps);
    // Where maxFps thins a camera that is hardly faster, two of its frames are between two that are kept.
    const late = plan.maxFps === null ? undefined : 2.5;
    let missing = 0;
    for (const stamp of stamps) missing += this.#gaps.saw(stamp, fps, late);
    if (stamps.length === 1) this.#gaps.skip(frames - 1, fps);
    return { missing, isOff };
  }
}

/** Frames in encoded files, without decoding them. */
function pagesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + imagesIn(part, MOST_PAGES), 0);
}

/** Frames in encoded files that must hold one each. */
function filesOfOne(parts: readonly Uint8Array[]): number {
  if (parts.every((part) => imagesIn(part, 2) === 1)) return parts.length;
  throw new AtomscaleError(
    'ERR_FRAME_SHAPE',
    'payload: expected files of one frame each where every or maxFps thins them, got one that holds several; ' +
      'thin at the camera, or clear every and maxFps',
  );
}

/** The frames at these places; a part holds one or, of raw frames, many. */
function pick(parts: readonly Uint8Array[], frames: number, kept: readonly number[]): Uint8Array[] {
  const each = parts.reduce((sum, part) => sum + part.length, 0) / frames;
  const all =
    parts.length === frames
      ? parts
      : parts.flatMap((part) =>
          Array.from({ length: part.length / each }, (_, n) => part.subarray(n * each, (n + 1) * each)),
        );
  return kept.map((index) => all[index] as Uint8Array);
}
