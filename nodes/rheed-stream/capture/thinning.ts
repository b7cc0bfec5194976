import { SettingsError } from '../../../uploader/errors.js';
import type { RawSettings } from '../../../uploader/types.js';
import { describe } from '../../common/kinds.js';
import { numberIn } from '../fields.js';

/** Which frames are kept. */
export interface Plan {
  /** One of so many; 1 = all. */
  readonly every: number;
  /** Frames a second, null = no limit. */
  readonly maxFps: number | null;
}

/**
 * `every` and `maxFps`.
 *
 * @throws SettingsError ERR_SETTINGS
 */
export function readPlan(settings: RawSettings): Plan {
  return { every: numberIn('every', settings.every, 1, 1, 1_000_000), maxFps: readMaxFps(settings.maxFps) };
}

function readMaxFps(value: unknown): number | null {
  if (value === undefined || value === null || value === '') return null;
  const fps = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
  if (fps > 0 && fps < Number.POSITIVE_INFINITY) return fps;
  throw new SettingsError(
    'maxFps',
    `maxFps: expected frames per second above 0, or blank for all, got ${describe(value)}`,
  );
}

/** When the frames of a message were taken, or came. */
export interface Times {
  /** Capture times; else of arrival. */
  readonly areStamps: boolean;
  /** Milliseconds: one a frame, or one for all. */
  readonly at: readonly number[];
}

/** Frames that may be kept at once: what is left of one that was not kept, and the next. */
const STAMPED = 2;
/** What may be missing of a frame that is kept all the same: stamps waver. The next ones wait for it. */
const SLACK = 0.25;
/** Seconds of frames that come late and together, as they do after a stalled moment, and are kept all the same. */
const LATE = 0.25;

/** Thins a camera's frames evenly, over the bounds of messages. */
export class Thinning {
  /** Frames until `every` keeps the next one. */
  #until = 0;
  /** Frames that `maxFps` lets be kept now: it grows with the time. */
  #allowance = 1;
  #last: number | undefined;

  /** Indexes of the frames of a message, of which there are some, that are kept. */
  keep(frames: number, times: Times, plan: Plan): number[] {
    const kept: number[] = [];
    for (let index = 0; index < frames; index += 1) {
      this.#pass(index, frames, times, plan.maxFps);
      if (this.#isNth(plan.every) && this.#isAllowed(plan.maxFps)) kept.push(index);
    }
    return kept;
  }

  /** Time goes on to this frame; one time for all of a message is spread over them. */
  #pass(index: number, frames: number, { areStamps, at }: Times, maxFps: number | null): void {
    if (maxFps === null) return;
    const each = at.length === frames;
    const now = at[each ? index : 0] as number;
    const before = this.#last ?? now;
    const elapsed = each ? now - before : (now - before) / (frames - index);
    this.#last = before + elapsed;
    const most = areStamps ? STAMPED : Math.max(STAMPED, maxFps * LATE);
    this.#allowance = Math.min(most, this.#allowance + (Math.max(0, elapsed) * maxFps) / 1000);
  }

  #isNth(every: number): boolean {
    const isTurn = this.#until <= 0;
    this.#until = isTurn ? every - 1 : this.#until - 1;
    return isTurn;
  }

  #isAllowed(maxFps: number | null): boolean {
    if (maxFps === null) return true;
    if (this.#allowance < 1 - SLACK) return false;
    this.#allowance -= 1;
    return true;
  }
}
