import { coded, native } from '../native.js';
import type { StreamKind } from '../types.js';
import { type Sidecar, sidecarOf } from './entry.js';

/** Chunks looked at between two turns of the event loop: parsing them takes some milliseconds. */
const AT_ONCE = 256;

/** The ending of a sealed chunk's data. */
export const dataEnding = (kind: StreamKind): 'shard' | 'rows' => (kind === 'rheed' ? 'shard' : 'rows');

/**
 * The sidecars of sealed chunks, by number: of those whose sidecar holds and whose data has the size it says. Whatever
 * is the matter with the others takes a closer look.
 */
export async function soundSidecars(
  folder: string,
  kind: StreamKind,
  numbers: readonly number[],
): Promise<Map<number, Sidecar>> {
  const sound = new Map<number, Sidecar>();
  for (let from = 0; from < numbers.length; from += AT_ONCE) {
    const some = numbers.slice(from, from + AT_ONCE);
    const found = await coded(folder, () => native().findSealed(folder, some, dataEnding(kind)));
    for (const [i, number] of some.entries()) {
      const one = found[i];
      const sidecar = one == null ? undefined : sidecarOf(one.sidecar, number);
      if (sidecar?.kind === kind && sidecar.bytes === one?.bytes) sound.set(number, sidecar);
    }
  }
  return sound;
}
