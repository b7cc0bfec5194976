/** Streams of one node, or sources of one stream, that are remembered: when one ends for good cannot be known. */
const MOST = 100;

/**
 * Puts a key's value in as the latest; the one that was put in longest ago is forgotten when there are too many.
 *
 * @returns the forgotten one
 */
export function putLatest<V>(map: Map<string, V>, key: string, value: V): V | undefined {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MOST) return undefined;
  for (const [oldest, forgotten] of map) {
    map.delete(oldest);
    return forgotten;
  }
  return undefined;
}
