import * as v from 'valibot';
import { ApiError } from '../errors.js';
import type { RheedSettings } from '../types.js';
import type { ApiClient } from './client.js';
import { sendFile } from './file-pieces.js';
import { Id } from './names.js';

/** Creates a RHEED stream; resolves to its data_id (POST /rheed/stream/). */
export function createRheedStream(api: ApiClient, name: string, settings: RheedSettings): Promise<string> {
  const { fps, rotationsPerMin, projectId, azimuth } = settings;
  return api.json('POST', '/rheed/stream/', Id, {
    body: {
      data_item_name: name,
      rotational_period: rotationsPerMin === 0 ? null : (fps * 60) / rotationsPerMin,
      rotations_per_min: rotationsPerMin,
      fps_capture_rate: fps,
      ...(projectId === null ? {} : { project_id: projectId }),
      ...(azimuth === null ? {} : { azimuth_label: azimuth }),
    },
  });
}

/** What the service wants to know of a chunk before it hands out a place for it. */
export interface ChunkFacts {
  readonly dataId: string;
  readonly chunkIndex: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** Unix ms, clock-corrected. */
  readonly startMs: number;
  /** The correction contained in `startMs`, absent when the clock was not compared. */
  readonly clock?: { readonly offsetMs: number; readonly uncertaintyMs: number };
}

const Part = v.object({
  url: v.pipe(
    v.string(),
    v.check((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), 'expected an address'),
  ),
});
const Presigned = v.union([v.pipe(v.array(Part), v.minLength(1)), Part]);

/** A presigned URL for one chunk (POST /data_entries/raw_data/staged/upload_urls/). Never log it. */
export async function presignChunk(
  api: ApiClient,
  chunk: ChunkFacts,
  settings: RheedSettings,
): Promise<string> {
  const { dataId, chunkIndex, frames, height, width, startMs, clock } = chunk;
  const { fps, chunkSize, rotationsPerMin } = settings;
  const answer = await api.json('POST', '/data_entries/raw_data/staged/upload_urls/', Presigned, {
    query: {
      original_filename: `frames.zarr/frames/c/${chunkIndex}/0/0`,
      num_parts: '1',
      staging_type: 'stream',
    },
    body: {
      data_id: dataId,
      data_stream: 'rheed',
      is_stream: '1',
      is_rotating: rotationsPerMin > 0 ? '1' : '0',
      raw_frame_rate: floatText(fps),
      avg_frame_rate: floatText(fps),
      chunk_size: String(chunkSize),
      dims: `${frames},${height},${width}`,
      start_unix_ms_utc: String(Math.trunc(startMs)),
      end_unix_ms_utc: String(Math.trunc(startMs) + Math.trunc((frames / fps) * 1000)),
      ...(clock === undefined
        ? {}
        : { clock_offset_ms: String(clock.offsetMs), clock_uncertainty_ms: clock.uncertaintyMs.toFixed(1) }),
    },
  });
  return (Array.isArray(answer) ? answer[0]?.url : answer.url) as string;
}

/** A float prints as `10.0`, as the service's reference has it. */
const floatText = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

/** Sends a shard file to its presigned URL, streamed; no key, an empty content type. */
export async function putShard(api: ApiClient, url: string, file: string, bytes: number): Promise<void> {
  const headers = { 'content-type': '', 'content-length': String(bytes) };
  const timeout = 60_000 + Math.ceil(bytes / 100);
  try {
    await sendFile(file, bytes, (body) =>
      api.exchange('PUT of a chunk', url, timeout, { method: 'PUT', headers, body }),
    );
  } catch (error) {
    // Whatever storage answers, a new presigned URL is the remedy (they expire): never a final refusal.
    const { call, message, retryAfter } = error as ApiError;
    throw new ApiError(call, message, { cause: error, ...(retryAfter === undefined ? {} : { retryAfter }) });
  }
}

/** Ends a RHEED stream (POST /rheed/stream/{data_id}/end). */
export function endRheedStream(api: ApiClient, dataId: string): Promise<void> {
  return api.send('POST', `/rheed/stream/${encodeURIComponent(dataId)}/end`);
}
