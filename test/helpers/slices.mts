import type { Joiner } from '../../dist/nodes/rheed-stream/framing/joiner.js';
import type { Random } from './random.mts';

/** Cuts bytes at these places. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places, bytes.length];
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

/** Cuts bytes into slices of 1 up to `longest` bytes. */
export function cutAtRandom(bytes: Uint8Array, longest: number, random: Random): Uint8Array[] {
  const places: number[] = [];
  for (let at = 1 + random.below(longest); at < bytes.length; at += 1 + random.below(longest))
    places.push(at);
  return cutAt(bytes, places);
}

/** What a joiner makes of slices, copied: its memory is used again. */
export function joined(joiner: Joiner, slices: readonly Uint8Array[]): Buffer[] {
  return slices.flatMap((slice) => joiner.take(slice).map((part) => Buffer.from(part)));
}
