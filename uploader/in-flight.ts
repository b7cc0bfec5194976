import { AtomscaleError } from './errors.js';
import type { Reading } from './types.js';

/** What a reading takes in memory beside its texts, near enough. */
const READING = 100;

/** Bytes of what waits for the disk, so that a stalled one ends in refused messages and not in a full memory. */
export class InFlight {
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Lets something in; what is larger than the limit passes when nothing else waits.
   *
   * @throws AtomscaleError ERR_OVERLOAD
   */
  enter(bytes: number): void {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#limit) {
      throw new AtomscaleError(
        'ERR_OVERLOAD',
        `${this.#bytes} bytes of earlier readings are not on disk yet, and ${bytes} more would pass the limit of ` +
          `${this.#limit}; send fewer readings, or look after the disk`,
      );
    }
    this.#bytes += bytes;
  }

  leave(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Of all streams of the process: a disk that stalls stalls them all. */
export const readingsInFlight = new InFlight(64 * 2 ** 20);

export function weightOf(readings: readonly Reading[]): number {
  let bytes = 0;
  for (const { channel, units } of readings) bytes += READING + 2 * (channel.length + (units?.length ?? 0));
  return bytes;
}
