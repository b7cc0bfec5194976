/** A RHEED stream: shards on disk as one Zarr array, intensities in memory. */
import { join } from 'node:path';
import { invalid, Refusal } from '../refusal.mts';
import { clampRoi } from '../shards/intensity.mts';
import type { Shards } from '../shards/shards.mts';
import type { FrameChunk, Roi, StreamSummary } from '../types.mts';
import { readJson, writeJson } from './files.mts';
import { Stream } from './stream.mts';
import { shardFile, writeZarr } from './zarr.mts';

/** Frames whose intensities are kept: 18 minutes at 120 fps. */
const MAX_INTENSITIES = 131_072;
/** Chunks whose spot intensity is taken again when the region moves. */
const RETAKEN_CHUNKS = 15;

/** What `POST /rheed/stream/` said. */
export interface RheedOpening {
  fps: number;
  rotations_per_min: number;
  rotational_period: number | null;
  azimuth: string | null;
}

/** What a presign call said about a chunk. */
export interface Announcement {
  index: number;
  n: number;
  height: number;
  width: number;
  chunk_size: number;
  start_ms: number;
  end_ms: number;
  clock: FrameChunk['clock'];
}

/** Intensity over time: Unix ms, mean gray level of the frame and of the spot; null where a chunk is missing. */
export interface Intensity {
  time_ms: number[];
  mean: (number | null)[];
  spot: (number | null)[];
}

export class RheedStream extends Stream<FrameChunk, RheedOpening> {
  #geometry: { height: number; width: number; chunkSize: number } | null = null;
  #announced = new Map<number, Announcement>();
  #series = new Map<number, { means: Float32Array; spot: Float32Array }>();
  #kept = 0;
  #frames = 0;
  #highest = -1;
  #latest: { index: number; pixels: Uint8Array } | null = null;
  #roi: Roi | null = null;

  get fps(): number {
    return this.opening.fps;
  }

  get rotating(): boolean {
    return this.opening.rotations_per_min > 0;
  }

  get geometry(): { height: number; width: number; chunkSize: number } | null {
    return this.#geometry;
  }

  /** The last frame of the chunk that arrived last. */
  get latest(): { index: number; pixels: Uint8Array } | null {
    return this.#latest;
  }

  /** Takes note of a chunk to come; its frame size and chunk size must be those of the chunks before. */
  announce(chunk: Announcement): void {
    const { height, width, chunk_size: chunkSize } = chunk;
    this.#geometry ??= { height, width, chunkSize };
    const known = this.#geometry;
    if (known.height !== height || known.width !== width) {
      throw invalid(
        'dims',
        `expected frames of ${known.height}x${known.width} as in the chunks before, got ${height}x${width}`,
      );
    }
    if (known.chunkSize !== chunkSize) {
      throw invalid('chunk_size', `expected ${known.chunkSize} as in the chunks before, got ${chunkSize}`);
    }
    this.#announced.set(chunk.index, chunk);
  }

  announced(index: number): Announcement | undefined {
    return this.#announced.get(index);
  }

  /** Checks the shard and stores it; throws BadShard when it is not what was announced. */
  store(announced: Announcement, body: Uint8Array<ArrayBuffer>, shards: Shards): Promise<void> {
    return this.inOrder(() => this.#store(announced, body, shards));
  }

  async #store(announced: Announcement, body: Uint8Array<ArrayBuffer>, shards: Shards): Promise<void> {
    const { index, n, height, width, chunk_size: chunkSize } = announced;
    const bytes = body.byteLength;
    const file = shardFile(this.folder, index);
    const result = await shards.store({ file, n, height, width, chunkSize, roi: this.#roi }, body);
    this.#roi ??= result.roi;
    const former = this.chunks.get(index);
    this.#rememberSeries(index, result.means, result.spot);
    this.#frames += n - (former?.n ?? 0);
    this.#highest = Math.max(this.#highest, index);
    this.#latest = { index, pixels: result.last };
    const { start_ms, end_ms, clock } = announced;
    const mean = result.means.reduce((sum, value) => sum + value, 0) / n;
    const uploads = (former?.uploads ?? 0) + 1;
    this.keep(
      { index, n, start_ms, end_ms, clock, bytes, uploads, received_at: Date.now(), mean },
      n - (former?.n ?? 0),
    );
    await this.saveNow();
  }

  /** Pixels of the asked frames of a stored chunk, one after the other. */
  async readFrames(index: number, frames: number[], shards: Shards): Promise<Uint8Array<ArrayBuffer>> {
    const { height, width, chunkSize } = this.#require();
    return shards.read({ file: shardFile(this.folder, index), frames, height, width, chunkSize });
  }

  /** Moves the region of the spot and takes its intensity again in the latest chunks. */
  async moveSpot(roi: Roi, shards: Shards): Promise<void> {
    const { height, width, chunkSize } = this.#require();
    const moved = clampRoi(roi, height, width);
    this.#roi = moved;
    for (const { spot } of this.#series.values()) spot.fill(Number.NaN);
    this.touch();
    for (const index of [...this.#series.keys()].sort((a, b) => b - a).slice(0, RETAKEN_CHUNKS)) {
      const n = this.chunks.get(index)?.n ?? 0;
      const spot = await shards.spot({
        file: shardFile(this.folder, index),
        n,
        height,
        width,
        chunkSize,
        roi: moved,
      });
      // Moved again meanwhile: the newer call takes over.
      if (this.#roi !== moved) return;
      this.#series.get(index)?.spot.set(spot.subarray(0, n));
      this.touch();
    }
  }

  /** Intensity of the chunks from `from` on, with a null point where chunks are missing between. */
  intensity(from: number): Intensity {
    const result: Intensity = { time_ms: [], mean: [], spot: [] };
    let expected: number | null = null;
    for (const index of [...this.#series.keys()].sort((a, b) => a - b)) {
      const chunk = this.chunks.get(index);
      const series = this.#series.get(index);
      if (index < from || !chunk || !series) continue;
      if (expected !== null && index !== expected) {
        result.time_ms.push(chunk.start_ms - 1);
        result.mean.push(null);
        result.spot.push(null);
      }
      expected = index + 1;
      for (let frame = 0; frame < chunk.n; frame += 1) {
        const spot = series.spot[frame] as number;
        result.time_ms.push(chunk.start_ms + (frame * 1000) / this.fps);
        result.mean.push(round(series.means[frame] as number));
        result.spot.push(Number.isNaN(spot) ? null : round(spot));
      }
    }
    return result;
  }

  /** Takes up what an earlier process stored in `chunks.json`. */
  async recallChunks(): Promise<void> {
    const stored = (await readJson(join(this.folder, 'chunks.json'))) as
      | { height: number; width: number; chunk_size: number; chunks: FrameChunk[] }
      | undefined;
    if (!stored) return;
    this.#geometry = { height: stored.height, width: stored.width, chunkSize: stored.chunk_size };
    for (const chunk of stored.chunks) {
      this.recall(chunk);
      this.#frames += chunk.n;
      this.#highest = Math.max(this.#highest, chunk.index);
    }
  }

  protected override async saveNow(): Promise<void> {
    await super.saveNow();
    const last = this.chunks.get(this.#highest);
    if (!this.#geometry || !last) return;
    const { height, width, chunkSize } = this.#geometry;
    await writeZarr(this.folder, { total: last.index * chunkSize + last.n, height, width, chunkSize });
    await writeJson(join(this.folder, 'chunks.json'), {
      height,
      width,
      chunk_size: chunkSize,
      chunks: this.sortedChunks(),
    });
  }

  protected override details(): Partial<StreamSummary> {
    const { fps, rotations_per_min, azimuth } = this.opening;
    return {
      frames: this.#frames,
      fps,
      rotations_per_min,
      azimuth,
      chunk_size: this.#geometry?.chunkSize ?? null,
      height: this.#geometry?.height ?? null,
      width: this.#geometry?.width ?? null,
      roi: this.#roi,
      latest_chunk: this.#latest?.index ?? (this.#highest >= 0 ? this.#highest : null),
    };
  }

  #rememberSeries(index: number, means: Float32Array, spot: Float32Array): void {
    this.#kept += means.length - (this.#series.get(index)?.means.length ?? 0);
    this.#series.set(index, { means, spot });
    while (this.#kept > MAX_INTENSITIES && this.#series.size > 1) {
      const oldest = Math.min(...this.#series.keys());
      this.#kept -= this.#series.get(oldest)?.means.length ?? 0;
      this.#series.delete(oldest);
    }
  }

  #require(): { height: number; width: number; chunkSize: number } {
    if (!this.#geometry) throw new Refusal(404, `stream ${this.id} has no frames yet`, { violation: false });
    return this.#geometry;
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
