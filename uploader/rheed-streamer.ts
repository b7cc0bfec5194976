import { AtomscaleError } from './errors.js';
import { type Frames, flatFrames, gray8, type NestedFrames } from './frame-arrays.js';
import type { RheedStream } from './rheed.js';
import { Streamer } from './streamer.js';
import type { RawSettings } from './types.js';

/** Settings of POST /rheed/stream/, by the names of the official client in camelCase. */
export interface RheedInitialize {
  /** Frames per second, 0 < fps ≤ 120. */
  readonly fps: number;
  /** 0 (default) = parked. */
  readonly rotationsPerMin?: number;
  /** Frames per chunk; ceil(2·fps) by default and at least. */
  readonly chunkSize?: number;
  readonly streamName?: string;
  /** Name or UUID; a new name makes a new sample. */
  readonly physicalSample?: string;
  readonly projectId?: string;
  /** Names or UUIDs; new names make new tags. */
  readonly tags?: readonly string[];
  /** Only with rotationsPerMin 0. */
  readonly azimuth?: string;
  /** `auto` (default): the fewest bytes for the least time; `fast`, `small`, or a level of zstd from -7 to 19. */
  readonly compression?: 'auto' | 'fast' | 'small' | number;
}

/** Frames, or frames with the capture time of the first of them (Unix ms). */
export type TimedFrames = Frames | readonly [frames: Frames | NestedFrames, captureStartMsUtc: number];

/** Streams RHEED frames to Atomscale, in the shape of the official client's `RHEEDStreamer`. */
export class RheedStreamer extends Streamer<RheedStream> {
  /**
   * Opens a stream; resolves to its data_id.
   *
   * @throws SettingsError, ApiError (unknown sample, project or tag; unreachable), AtomscaleError ERR_AUTH
   */
  initialize(settings: RheedInitialize): Promise<string> {
    return this.open((uploader, owner) =>
      uploader.startRheed(owner, settings as RawSettings & RheedInitialize, {}),
    );
  }

  /**
   * Spools one chunk; resolves when it is sealed on disk. Delivery goes on beside it.
   *
   * @param chunkIndex of the chunk in the stream; the same index again replaces it
   * @param frames at most chunkSize of them
   * @param captureStartMsUtc capture time of the first frame, Unix ms; by default the present less n/fps
   */
  async push(
    dataId: string,
    chunkIndex: number,
    frames: Frames | NestedFrames,
    captureStartMsUtc?: number,
  ): Promise<void> {
    if (!Number.isInteger(chunkIndex) || chunkIndex < 0) {
      throw new AtomscaleError(
        'ERR_VALUE',
        `chunkIndex: expected a whole number from 0 on, got ${chunkIndex}`,
      );
    }
    const { data, height, width } = flatFrames(frames);
    const stamps = captureStartMsUtc === undefined ? [] : [captureStartMsUtc];
    await this.streamOf(dataId).push({ parts: [data], spec: gray8(width, height), stamps }, chunkIndex);
  }

  /**
   * Pushes one chunk after the other, counting from 0; the spool's disk sets the pace. A chunk is compressed while the
   * one before it is being sealed: so two are in memory. When one fails, the one after it may be spooled already.
   */
  async run(dataId: string, frames: Iterable<TimedFrames> | AsyncIterable<TimedFrames>): Promise<void> {
    let chunkIndex = 0;
    let [before, pushed]: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
    try {
      for await (const item of frames) {
        const [batch, captureStartMsUtc] = isTimed(item) ? item : [item, undefined];
        const index = chunkIndex;
        pushed = afterOverload(before, () => this.push(dataId, index, batch, captureStartMsUtc));
        await before;
        before = pushed;
        chunkIndex += 1;
      }
      await before;
    } finally {
      await Promise.allSettled([before, pushed]);
    }
  }
}

/** What does not fit into memory beside what is under way is tried again when that is on disk. */
function afterOverload(before: Promise<void>, push: () => Promise<void>): Promise<void> {
  const pushed = push().catch(async (error: unknown) => {
    if ((error as AtomscaleError).code !== 'ERR_OVERLOAD') throw error;
    await before;
    return push();
  });
  // Its error is met when its turn has come.
  pushed.catch(() => undefined);
  return pushed;
}

const isTimed = (item: TimedFrames): item is readonly [Frames | NestedFrames, number] => Array.isArray(item);
