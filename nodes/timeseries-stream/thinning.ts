import type { Reading } from '../../uploader/types.js';

/** Which readings of a channel are worth keeping. */
export interface Limit {
  /** Seconds that must lie between two, 0 = any. */
  readonly minInterval: number;
  /** By how much a reading must differ from the last one kept, in the channel's units; 0 = by anything or nothing. */
  readonly deadband: number;
}

export type Limits = ReadonlyMap<string, Limit>;

/** Differences of seconds since 1970 are exact to less than this. */
const ROUNDING = 1e-6;

interface Kept {
  readonly time: number;
  readonly value: number | null;
}

function isWorthKeeping({ time, value }: Kept, last: Kept | undefined, limit: Limit | undefined): boolean {
  if (last === undefined) return true;
  // A gap is told once, and what comes after it always.
  if (value === null || last.value === null) return value !== last.value;
  if (limit === undefined) return true;
  return (
    Math.abs(time - last.time) >= limit.minInterval - ROUNDING &&
    (limit.deadband === 0 || Math.abs(value - last.value) > limit.deadband)
  );
}

/** Leaves out readings of one stream that its channels' limits do not want, and gaps that were told already. */
export class Thinning {
  readonly #last = new Map<string, Kept>();

  /** @param limits undefined when no channel has any */
  keep(readings: readonly Reading[], limits: Limits | undefined): Reading[] {
    const now = Date.now() / 1000;
    return readings.filter(({ channel, time, value }) => {
      const kept = { time: time ?? now, value };
      if (!isWorthKeeping(kept, this.#last.get(channel), limits?.get(channel))) return false;
      this.#last.set(channel, kept);
      return true;
    });
  }

  /** What was kept is not stored after all: the next readings are. */
  forget(): void {
    this.#last.clear();
  }
}
