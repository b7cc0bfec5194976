import { ChunkSlices } from './chunk-slices.js';
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
    const whole = { chunkIndex, before: 0, more: false, lent: false };
    await this.streamOf(dataId).push({ parts: [data], spec: gray8(width, height), stamps }, whole);
  }

  /**
   * Pushes one chunk after the other, counting from 0; the spool's disk sets the pace. A chunk is asked for when the
   * one before it is read, while its end is still being compressed and sealed; until then leave its memory as it is,
   * for the most of it is not copied. When one fails, its beginning, and that of the one after it, may be spooled
   * already: push it again under its index to replace that.
   */
  async run(dataId: string, frames: Iterable<TimedFrames> | AsyncIterable<TimedFrames>): Promise<void> {
    const slices = new ChunkSlices(this.streamOf(dataId));
    let chunkIndex = 0;
    try {
      for await (const item of frames) {
        const [batch, captureStartMsUtc] = isTimed(item) ? item : [item, undefined];
        await slices.push(chunkIndex, flatFrames(batch), captureStartMsUtc);
        chunkIndex += 1;
      }
    } finally {
      await slices.settled();
    }
  }
}

const isTimed = (item: TimedFrames): item is readonly [Frames | NestedFrames, number] => Array.isArray(item);
