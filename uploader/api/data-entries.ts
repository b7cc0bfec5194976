import * as v from 'valibot';
import type { ApiClient } from './client.js';

/** Links a stream to its physical sample (POST /data_entries/physical_sample). */
export function linkSample(api: ApiClient, dataId: string, sampleId: string): Promise<void> {
  return api.send('POST', '/data_entries/physical_sample', {
    body: { data_ids: [dataId], physical_sample_id: sampleId },
  });
}

/** The pipeline's state of a stream, null when the service does not know it (GET /data_entries/). */
export async function pipelineStatus(api: ApiClient, dataId: string): Promise<string | null> {
  const Entries = v.array(v.object({ data_id: v.string(), pipeline_status: v.nullish(v.string()) }));
  const entries = await api.json('GET', '/data_entries/', Entries, { query: { data_ids: dataId } });
  return entries.find((entry) => entry.data_id === dataId)?.pipeline_status ?? null;
}
