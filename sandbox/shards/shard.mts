/**
 * Zarr v3 `sharding_indexed` shards of one frame an inner chunk, index at the end:
 * frames, then n × (offset u64 LE, length u64 LE), then the index's crc32c u32 LE.
 */
import { zstdDecompressSync } from 'node:zlib';
import { crc32c } from './crc32c.mts';

/** Where a frame lies in its shard, in bytes. */
export interface Entry {
  offset: number;
  length: number;
}

/** Why a body is not the shard it should be. */
export class ShardError extends Error {}

const ENTRY_BYTES = 16;
const CRC_BYTES = 4;
/** Offset and length of a frame that is not there. */
const ABSENT = 0xffff_ffff_ffff_ffffn;

function indexBytes(entries: number): number {
  return entries * ENTRY_BYTES + CRC_BYTES;
}

/** Reads and checks the index of `entries` entries; null stands for an absent frame. */
export function readIndex(shard: Uint8Array, entries: number): (Entry | null)[] {
  const start = shard.byteLength - indexBytes(entries);
  if (start < 0) {
    throw new ShardError(
      `expected at least ${indexBytes(entries)} bytes for the index of ${entries} frames, got a body of ${shard.byteLength}`,
    );
  }
  const view = new DataView(shard.buffer, shard.byteOffset, shard.byteLength);
  const stored = view.getUint32(shard.byteLength - CRC_BYTES, true);
  const computed = crc32c(shard.subarray(start, shard.byteLength - CRC_BYTES));
  if (stored !== computed) {
    throw new ShardError(
      `expected the index to end with its crc32c ${hex(computed)}, got ${hex(stored)} (is the index at the end, with ${entries} entries?)`,
    );
  }
  return Array.from({ length: entries }, (_, frame) => {
    const at = start + frame * ENTRY_BYTES;
    const offset = view.getBigUint64(at, true);
    const length = view.getBigUint64(at + 8, true);
    if (offset === ABSENT && length === ABSENT) return null;
    if (offset + length > BigInt(start)) {
      throw new ShardError(
        `frame ${frame}: expected it to end before the index at ${start}, got ${offset}+${length}`,
      );
    }
    return { offset: Number(offset), length: Number(length) };
  });
}

/** Checks an uploaded shard of n frames: every frame present, the frames filling the body without gap or overlap. */
export function checkUpload(shard: Uint8Array, n: number): Entry[] {
  const entries = readIndex(shard, n).map((entry, frame) => {
    if (entry === null)
      throw new ShardError(`frame ${frame}: expected an entry in the index, got an empty one`);
    return entry;
  });
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset)) {
    if (entry.offset !== end) {
      throw new ShardError(
        `expected the next frame at byte ${end}, got one at ${entry.offset} (frames must fill the body without gap or overlap)`,
      );
    }
    end += entry.length;
  }
  const start = shard.byteLength - indexBytes(n);
  if (end !== start)
    throw new ShardError(`expected the index right after the last frame at ${end}, got it at ${start}`);
  return entries;
}

/** Decodes one frame of exactly `size` bytes; the entry must be one zstd frame and nothing else. */
export function decodeFrame(shard: Uint8Array, entry: Entry, size: number, frame: number): Uint8Array {
  const bytes = shard.subarray(entry.offset, entry.offset + entry.length);
  try {
    const declared = walkZstd(bytes);
    if (declared !== size)
      throw new ShardError(`expected a zstd content size of ${size} bytes, got ${declared}`);
    const pixels = zstdDecompressSync(bytes, { maxOutputLength: size });
    if (pixels.byteLength !== size) throw new ShardError(`expected ${size} bytes, got ${pixels.byteLength}`);
    return pixels;
  } catch (error) {
    throw new ShardError(`frame ${frame}: ${(error as Error).message}`);
  }
}

/** The parts of the shard with its index padded with absent frames to `total` entries, to be written one after the other. */
export function padShard(shard: Uint8Array, n: number, total: number): Uint8Array[] {
  if (n === total) return [shard];
  const start = shard.byteLength - indexBytes(n);
  const index = new Uint8Array(indexBytes(total)).fill(0xff);
  index.set(shard.subarray(start, start + n * ENTRY_BYTES));
  const view = new DataView(index.buffer);
  view.setUint32(index.byteLength - CRC_BYTES, crc32c(index.subarray(0, -CRC_BYTES)), true);
  return [shard.subarray(0, start), index];
}

/**
 * Walks one zstd frame (RFC 8878, 3.1.1) to its end and gives its declared content size. Refuses what comes after
 * it, a content checksum (the stream's codec is declared without) and a missing content size (readers rely on it).
 */
function walkZstd(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 6 || view.getUint32(0, true) !== 0xfd2fb528)
    throw new ShardError('expected a zstd frame');
  const descriptor = view.getUint8(4);
  const single = (descriptor & 0x20) !== 0;
  if (descriptor & 0x04) throw new ShardError('expected a zstd frame without checksum, got one with');
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (single ? 1 : 0) : 1 << sizeFlag;
  if (sizeBytes === 0) throw new ShardError('expected a zstd frame that declares its content size');
  let at = 5 + (single ? 0 : 1) + dictionary;
  let size = 0;
  if (at + sizeBytes <= bytes.byteLength) {
    if (sizeBytes === 1) size = view.getUint8(at);
    else if (sizeBytes === 2) size = view.getUint16(at, true) + 256;
    else if (sizeBytes === 4) size = view.getUint32(at, true);
    else size = Number(view.getBigUint64(at, true));
  }
  at += sizeBytes;
  for (let last = false; !last; ) {
    if (at + 3 > bytes.byteLength) throw new ShardError('the zstd frame is cut short');
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    last = (header & 1) !== 0;
    const isRepeat = ((header >> 1) & 3) === 1;
    at += 3 + (isRepeat ? 1 : header >> 3);
  }
  if (at > bytes.byteLength) throw new ShardError('the zstd frame is cut short');
  if (at < bytes.byteLength)
    throw new ShardError(`${bytes.byteLength - at} bytes of garbage after the zstd frame`);
  return size;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
