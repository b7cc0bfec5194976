import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AtomscaleError } from './errors.js';
import { type FlatFrames, gray8, isLendable } from './frame-arrays.js';
import type { RheedStream } from './rheed.js';

/** Pixels of a slice, in bytes: small enough to be copied in a millisecond. */
const SLICE = 4 << 20;
/** Of a chunk's end, copied: it keeps the native core busy while the next chunk is asked for. */
const COPIED = 4 * SLICE;
/** Pixels on their way through the native core: enough to keep it busy while a chunk is being synced. */
const IN_FLIGHT = 32 << 20;

/** A slice on its way to the disk. */
interface Slice {
  /** Its pixels are the caller's. */
  readonly lent: boolean;
  readonly settled: Promise<unknown>;
}

/**
 * Hands whole chunks to a stream slice by slice, as the native core takes them: memory stays the same whatever the
 * size of a chunk, and the next chunk is compressed while the one before it is being sealed.
 */
export class ChunkSlices {
  readonly #stream: RheedStream;
  readonly #underWay: Slice[] = [];
  #bytes = 0;
  #error: unknown;

  constructor(stream: RheedStream) {
    this.#stream = stream;
  }

  /**
   * Settles when nothing reads the chunk's memory any more; its end is copied and may be on its way to the disk.
   *
   * @param startMs capture time of the first frame, Unix ms; by default the present less n/fps
   * @throws what a slice of this chunk, or of one before, was refused with
   */
  async push(chunkIndex: number, frames: FlatFrames, startMs?: number): Promise<void> {
    const { data, height, width } = frames;
    const { fps, chunkSize } = this.#stream.rules;
    const [size, spec] = [height * width, gray8(width, height)];
    const count = data.length / size;
    // What is no chunk is refused as a whole.
    const step = count > chunkSize ? count : Math.max(1, Math.floor(SLICE / size));
    const start = startMs ?? Date.now() - (count * 1000) / fps;
    const lendable = isLendable(data) ? data.length - COPIED : 0;
    try {
      for (let first = 0; first < count; first += step) {
        const end = first + step;
        const part = { chunkIndex, before: first, more: end < count, lent: end * size <= lendable };
        const slice = data.subarray(first * size, end * size);
        const batch = { parts: [slice], spec, stamps: [start + (first * 1000) / fps] };
        await this.#whenThereIsRoom(slice.length, part.lent, () => this.#stream.push(batch, part));
      }
    } finally {
      await Promise.all(this.#underWay.map(({ lent, settled }) => lent && settled));
    }
  }

  /** Waits for all that is under way. @throws what a slice was refused with */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay.map(({ settled }) => settled));
    this.#throw();
  }

  async #whenThereIsRoom(bytes: number, lent: boolean, push: () => Promise<unknown>): Promise<void> {
    for (;;) {
      this.#throw();
      if (this.#underWay.length === 0 || this.#bytes + bytes <= IN_FLIGHT) {
        const pushed = push();
        // Refused for want of memory it is within the call, and nothing must come after it before it is in.
        const refusal = await Promise.race([pushed.then(() => undefined, asCode), nextTurn()]);
        if (refusal !== 'ERR_OVERLOAD' || this.#underWay.length === 0) {
          this.#follow(bytes, lent, pushed);
          return;
        }
      }
      await Promise.race(this.#underWay.map(({ settled }) => settled));
    }
  }

  #follow(bytes: number, lent: boolean, pushed: Promise<unknown>): void {
    this.#bytes += bytes;
    const settled = pushed
      .catch((error: unknown) => {
        this.#error ??= error;
      })
      .finally(() => {
        this.#bytes -= bytes;
        this.#underWay.splice(this.#underWay.indexOf(slice), 1);
      });
    const slice = { lent, settled };
    this.#underWay.push(slice);
  }

  #throw(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}

const asCode = (error: unknown): string | undefined => (error as AtomscaleError).code;
