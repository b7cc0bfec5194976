import type { FileHandle } from 'node:fs/promises';
import { native } from '../native.js';

/** Where a frame of a chunk lies in the chunk's file. */
export interface FramePlace {
  readonly offset: number;
  readonly length: number;
  /** crc32c of its bytes; null in a sealed chunk, whose checksum is over the whole file. */
  readonly crc: number | null;
}

/*
 * A shard ends with its index, n × (offset u64, length u64), and the index's crc32c. A journal is a header of 32
 * bytes and a record of 32 bytes a frame, each with its crc32c at its end. All little endian; written by the native
 * core (shard.rs, journal.rs).
 */
const ENTRY = 16;
const CRC = 4;
const ABSENT = 0xffff_ffff_ffff_ffffn;
/** Bytes of a journal's header. */
export const HEADER = 32;
const RECORD = 32;
const MAGIC = Buffer.from('ASOPEN1\0', 'latin1');
const GIVEN = 1;
/** More than any frame compresses to: a frame that cannot be compressed grows by less than this. */
const SLACK = 65_536;

/** The frames of a sealed chunk by its index; undefined when the index does not hold. */
export async function framesByIndex(file: FileHandle, size: number): Promise<FramePlace[] | undefined> {
  // The frames fill the file up to the index, so the last entry tells how long the index is.
  const tail = await readAt(file, size - CRC - ENTRY, ENTRY + CRC);
  if (tail === undefined) return undefined;
  const end = Number(tail.readBigUInt64LE(0)) + Number(tail.readBigUInt64LE(8));
  const length = size - CRC - end;
  if (!(length > 0 && length <= size - CRC && length % ENTRY === 0)) return undefined;
  const index = await readAt(file, end, length + CRC);
  if (index === undefined || native().crc32c(index.subarray(0, length)) !== index.readUInt32LE(length))
    return undefined;
  const places: FramePlace[] = [];
  for (let at = 0; at < length; at += ENTRY) {
    const place = {
      offset: Number(index.readBigUInt64LE(at)),
      length: Number(index.readBigUInt64LE(at + 8)),
      crc: null,
    };
    if (place.offset + place.length > end) return undefined;
    places.push(place);
  }
  return places;
}

/** The index of a shard of these frames; undefined: a frame that is not there. */
export function indexOf(places: readonly (Pick<FramePlace, 'offset' | 'length'> | undefined)[]): Buffer {
  const index = Buffer.alloc(ENTRY * places.length + CRC);
  for (const [n, place] of places.entries()) {
    index.writeBigUInt64LE(place === undefined ? ABSENT : BigInt(place.offset), ENTRY * n);
    index.writeBigUInt64LE(place === undefined ? ABSENT : BigInt(place.length), ENTRY * n + 8);
  }
  index.writeUInt32LE(native().crc32c(index.subarray(0, -CRC)), ENTRY * places.length);
  return index;
}

/** The frames of a file without an index: they lie one after the other, up to the first that is not whole. */
export async function framesByWalk(file: FileHandle, size: number, pixels: number): Promise<FramePlace[]> {
  const places: FramePlace[] = [];
  for (let offset = 0; ; ) {
    const piece = await readAt(file, offset, Math.min(size - offset, pixels + (pixels >> 7) + SLACK));
    const length = piece && native().frameLength(piece);
    if (length == null) return places;
    places.push({ offset, length, crc: null });
    offset += length;
  }
}

export interface FrameJournal {
  readonly height: number;
  readonly width: number;
  readonly chunkIndex: number;
  /** A frame a record; undefined where the record does not hold. */
  readonly places: (FramePlace | undefined)[];
  /** Bytes behind the last whole record. */
  readonly tornBytes: number;
  /** Unix ms of the first frame, as sealing would reckon it at `fps`; undefined without a frame. */
  startMs(fps: number): number | undefined;
}

/** The journal of an open chunk; undefined when its header does not hold. */
export function readFrameJournal(bytes: Buffer): FrameJournal | undefined {
  const header = bytes.subarray(0, HEADER);
  if (!holds(header) || !header.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const count = Math.floor((bytes.length - HEADER) / RECORD);
  const records = Array.from({ length: count }, (_, n) => {
    const record = bytes.subarray(HEADER + RECORD * n, HEADER + RECORD * (n + 1));
    return holds(record) ? record : undefined;
  });
  return {
    height: header.readUInt32LE(8),
    width: header.readUInt32LE(12),
    chunkIndex: Number(header.readBigUInt64LE(16)),
    places: records.map(
      (record) =>
        record && {
          offset: Number(record.readBigUInt64LE(0)),
          length: record.readUInt32LE(8),
          crc: record.readUInt32LE(24),
        },
    ),
    tornBytes: (bytes.length - HEADER) % RECORD,
    startMs(fps) {
      const [first, last] = [records[0], records.findLastIndex((record) => record !== undefined)];
      if (first !== undefined && (first.readUInt32LE(12) & GIVEN) !== 0) return first.readDoubleLE(16);
      const stamp = records[last]?.readDoubleLE(16);
      return stamp === undefined ? undefined : stamp - (last * 1000) / fps;
    },
  };
}

export async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer | undefined> {
  if (offset < 0 || length <= 0) return undefined;
  const bytes = Buffer.alloc(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) return undefined;
    filled += bytesRead;
  }
  return bytes;
}

const holds = (record: Buffer): boolean =>
  record.length === RECORD &&
  native().crc32c(record.subarray(0, RECORD - CRC)) === record.readUInt32LE(RECORD - CRC);
