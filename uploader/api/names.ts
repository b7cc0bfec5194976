import * as v from 'valibot';

/** What lists of samples, tags and projects have in common. */
export const Named = v.object({ id: v.string(), name: v.nullish(v.string(), '') });
export type Named = v.InferOutput<typeof Named>;

/**
 * An id that the service gave: it comes back in paths, files and log lines, so it is one plain word. `.` and `..`
 * are steps of a path even when escaped.
 */
export const Id = v.pipe(
  v.string('expected an id'),
  v.regex(
    /^(?!\.{1,2}$)[!-.0-[\]-~]{1,255}$/,
    'expected an id of 1 to 255 characters without spaces and slashes',
  ),
);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUuid = (text: string): boolean => UUID.test(text);

/** Names match trimmed and case-insensitively. */
export function findByName(list: readonly Named[], name: string): Named | undefined {
  const wanted = name.trim().toLowerCase();
  return list.find((entry) => (entry.name ?? '').trim().toLowerCase() === wanted);
}

export function findById(list: readonly Named[], id: string): Named | undefined {
  return list.find((entry) => entry.id.toLowerCase() === id.toLowerCase());
}
