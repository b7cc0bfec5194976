import type { ApiClient } from './api/client.js';
import { linkSample } from './api/data-entries.js';
import { trackSample } from './api/projects.js';
import { createRheedStream } from './api/rheed.js';
import { resolveSample } from './api/samples.js';
import { resolveTags, tagStream } from './api/tags.js';
import { createTimeseriesStream } from './api/tool-state.js';
import { ApiError } from './errors.js';
import { rheedSettings, timeseriesSettings } from './settings.js';
import type { Generation, RecordFile } from './spool/stream-record.js';

/**
 * Opens a stream on the service: sample and tags first, side by side, so that a bad one creates nothing; then
 * the stream. What was reached is in the record before the next call, for a restart in between.
 *
 * @throws ApiError, also for a sample or tag id that does not exist
 */
export async function openGeneration(api: ApiClient, record: RecordFile): Promise<void> {
  const { kind, settings } = record.data;
  const generation = record.generation;
  const { physicalSample, projectId, tags } = (kind === 'rheed' ? rheedSettings : timeseriesSettings)(
    settings,
  );
  const [sampleId, tagIds] = await Promise.all([
    physicalSample === null ? undefined : resolveSample(api, physicalSample),
    tags.length === 0 ? [] : resolveTags(api, tags),
  ]);
  await record.update(() => {
    if (sampleId !== undefined) generation.sample_id = sampleId;
    generation.tag_ids = tagIds;
    generation.opening = 'creating';
  });
  // Already created, and only the record could not be written then: not once more.
  const dataId = generation.data_id ?? (await createStream(api, record));
  await record.update((data) => {
    generation.data_id = dataId;
    generation.opening = 'done';
    delete generation.error;
    generation.links = wantedLinks(sampleId, projectId, tagIds);
    data.endpoint = api.endpoint;
  });
}

/** How long an answer that cannot be understood holds back the next try, s. */
const UNREADABLE_WAIT = 600;

/**
 * Creates the stream. A 2xx without an id may have made one that we shall never know: the next try makes another,
 * so it comes late.
 */
async function createStream(api: ApiClient, { data, generation }: RecordFile): Promise<string> {
  const { kind, settings } = data;
  try {
    if (kind === 'timeseries')
      return await createTimeseriesStream(api, generation.name, timeseriesSettings(settings));
    const name = generation.name ?? defaultRheedName(new Date());
    return await createRheedStream(api, name, rheedSettings(settings));
  } catch (error) {
    const { call, message, status } = error as ApiError;
    if (!(error instanceof ApiError) || status === undefined || status < 200 || status >= 300) throw error;
    throw new ApiError(
      call,
      `${message}; the service may hold a stream that cannot be used, so another one is asked for only every ` +
        `${UNREADABLE_WAIT / 60} minutes: check the endpoint`,
      { status, retryAfter: UNREADABLE_WAIT },
    );
  }
}

function wantedLinks(
  sampleId: string | undefined,
  projectId: string | null,
  tagIds: string[],
): Generation['links'] {
  const links: Generation['links'] = [];
  if (sampleId !== undefined) links.push({ what: 'physical sample', state: 'wanted' });
  if (tagIds.length > 0) links.push({ what: 'tags', state: 'wanted' });
  if (sampleId !== undefined && projectId !== null) links.push({ what: 'project', state: 'wanted' });
  return links;
}

/** Makes one link of a stream that exists. A project needs the sample linked first, so keep their order. */
export function makeLink(
  api: ApiClient,
  record: RecordFile,
  generation: Generation,
  link: Generation['links'][number],
): Promise<void> {
  const dataId = generation.data_id as string;
  const sampleId = generation.sample_id as string;
  switch (link.what) {
    case 'physical sample':
      return linkSample(api, dataId, sampleId);
    case 'project':
      return trackSample(api, String(record.data.settings.projectId).trim(), sampleId);
    case 'tags':
      return tagStream(api, dataId, generation.tag_ids ?? []);
  }
}

/** `RHEED Stream @ 1:23PM`, local time, as the official client names a stream without a name. */
export function defaultRheedName(now: Date): string {
  const hours = now.getHours();
  const minutes = String(now.getMinutes()).padStart(2, '0');
  return `RHEED Stream @ ${hours % 12 || 12}:${minutes}${hours < 12 ? 'AM' : 'PM'}`;
}
