/** Streams of one node that are remembered: when one ends for good cannot be known, since its name may come again. */
const MOST = 100;

/** Puts a key's value in as the latest; the one that was put in longest ago is forgotten when there are too many. */
export function putLatest<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MOST) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
