import * as v from 'valibot';
import { ApiError } from '../errors.js';
import { type ApiClient, verdictOf } from './client.js';
import { findById, findByName, isUuid, Named } from './names.js';

const PATH = '/tags/';

/** All tags (GET /tags/). */
export function listTags(api: ApiClient): Promise<Named[]> {
  return api.json('GET', PATH, v.array(Named));
}

/**
 * The ids of tags given by name or UUID, in their order; names that do not exist are created.
 *
 * @throws ApiError 404 for an unknown UUID
 */
export async function resolveTags(api: ApiClient, tags: readonly string[]): Promise<string[]> {
  const known = await listTags(api);
  const ids: string[] = [];
  for (const tag of tags) {
    if (isUuid(tag)) {
      const found = findById(known, tag);
      if (!found) {
        throw new ApiError(
          `GET ${PATH}`,
          `tags: no tag has the id ${tag}; give its name, or the id of an existing one`,
          {
            status: 404,
          },
        );
      }
      ids.push(found.id);
    } else {
      ids.push(findByName(known, tag)?.id ?? (await createTag(api, tag)));
    }
  }
  return [...new Set(ids)];
}

async function createTag(api: ApiClient, name: string): Promise<string> {
  try {
    return (await api.json('POST', PATH, v.object({ id: v.string() }), { body: { name } })).id;
  } catch (error) {
    if (verdictOf(error) !== 'refused') throw error;
    const found = findByName(await listTags(api), name);
    if (found) return found.id;
    throw error;
  }
}

/** Puts tags on a stream (POST /tags/data-items/). */
export function tagStream(api: ApiClient, dataId: string, tagIds: readonly string[]): Promise<void> {
  return api.send('POST', '/tags/data-items/', { body: { data_ids: [dataId], tag_ids: tagIds } });
}
