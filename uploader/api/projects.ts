import type { ApiClient } from './client.js';

/** Makes a physical sample the tracked one of a project. */
export function trackSample(api: ApiClient, projectId: string, sampleId: string): Promise<void> {
  return api.send('POST', `/projects/${encodeURIComponent(projectId)}/configuration/tracking_samples`, {
    body: { physical_sample_id: sampleId, set_active: true },
  });
}
