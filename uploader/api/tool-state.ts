import * as v from 'valibot';
import type { TimeseriesSettings } from '../types.js';
import type { ApiClient } from './client.js';
import { Id } from './names.js';

/** The timeseries calls have a shorter limit, as the official client has. */
const TIMEOUT = 30_000;

/** A channel of a chunk. `timestamps`: Unix seconds; `values`: null where there is none. */
export interface Column {
  readonly timestamps: readonly number[];
  readonly values: readonly (number | null)[];
  readonly units?: string;
}

/** Creates a timeseries stream; resolves to its data_id (POST /tool-state/stream/initialize). */
export async function createTimeseriesStream(
  api: ApiClient,
  name: string | null,
  settings: TimeseriesSettings,
): Promise<string> {
  const { synthSourceId, pointsPerChunk, projectId } = settings;
  const answer = await api.json('POST', '/tool-state/stream/initialize', v.object({ data_id: Id }), {
    timeout: TIMEOUT,
    body: {
      stream_name: name,
      ...(synthSourceId === null ? {} : { synth_source_id: synthSourceId }),
      points_per_chunk: pointsPerChunk,
      project_id: projectId,
    },
  });
  return answer.data_id;
}

/** Sends a chunk of one channel (POST /tool-state/stream/chunk). The same index again replaces the slice. */
export function sendChannel(
  api: ApiClient,
  dataId: string,
  chunkIndex: number,
  channel: string,
  column: Column,
): Promise<void> {
  return api.send('POST', '/tool-state/stream/chunk', {
    timeout: TIMEOUT,
    body: { data_id: dataId, chunk_index: chunkIndex, channel_name: channel, ...column },
  });
}

/** Sends a chunk of several channels (POST /tool-state/stream/chunk/multi): one time axis for all. */
export function sendChannels(
  api: ApiClient,
  dataId: string,
  chunkIndex: number,
  channels: Readonly<Record<string, Column>>,
): Promise<void> {
  return api.send('POST', '/tool-state/stream/chunk/multi', {
    timeout: TIMEOUT,
    body: { data_id: dataId, chunk_index: chunkIndex, channels },
  });
}

/** Ends a timeseries stream (POST /tool-state/stream/{data_id}/finalize). */
export function finalizeTimeseriesStream(api: ApiClient, dataId: string): Promise<void> {
  return api.send('POST', `/tool-state/stream/${encodeURIComponent(dataId)}/finalize`, { timeout: TIMEOUT });
}
