import * as v from 'valibot';
import { ApiError } from '../errors.js';
import { type ApiClient, verdictOf } from './client.js';
import { findById, findByName, isUuid, Named } from './names.js';

const PATH = '/physical_samples/';
const Created = v.union([v.object({ id: v.string() }), v.object({ physical_sample_id: v.string() })]);
const Taken = v.object({ physical_sample_id: v.string() });

/** All physical samples (GET /physical_samples/). */
export function listSamples(api: ApiClient): Promise<Named[]> {
  return api.json('GET', PATH, v.array(Named));
}

/**
 * The id of a physical sample given by name or UUID; a name that does not exist is created.
 *
 * @throws ApiError 404 for an unknown UUID
 */
export async function resolveSample(api: ApiClient, sample: string): Promise<string> {
  const wanted = sample.trim();
  const known = await listSamples(api);
  if (isUuid(wanted)) {
    const found = findById(known, wanted);
    if (found) return found.id;
    throw new ApiError(
      `GET ${PATH}`,
      `physicalSample: no sample has the id ${wanted}; give its name, or the id of an existing one`,
      {
        status: 404,
      },
    );
  }
  return findByName(known, wanted)?.id ?? (await createSample(api, wanted));
}

async function createSample(api: ApiClient, name: string): Promise<string> {
  try {
    const created = await api.json('POST', PATH, Created, { body: { name } });
    return 'id' in created ? created.id : created.physical_sample_id;
  } catch (error) {
    if (verdictOf(error) !== 'refused') throw error;
    // Somebody else has just made it: the answer names it, or the list does.
    const taken = v.safeParse(Taken, (error as ApiError).detail);
    if ((error as ApiError).status === 409 && taken.success) return taken.output.physical_sample_id;
    const found = findByName(await listSamples(api), name);
    if (found) return found.id;
    throw error;
  }
}
