import { stat } from 'node:fs/promises';
import { itemsOf, readSidecar } from '../uploader/spool/entry.js';
import { FrameReader } from '../uploader/spool/frame-reader.js';
import type { StreamFolder } from './spool.js';
import { closeChunk, openChunk, type StoredChunk } from './stored-chunks.js';

/** Frames or points, and bytes, of a chunk; undefined when it is gone. */
export async function sizeOf(
  stream: StreamFolder,
  chunk: StoredChunk,
): Promise<{ items: number; bytes: number } | undefined> {
  if (chunk.place !== 'open') {
    const sidecar = await readSidecar(chunk.folder, chunk.number);
    if (sidecar !== undefined) return { items: itemsOf(sidecar), bytes: sidecar.bytes };
  }
  const reader = await openChunk(stream, chunk);
  if (reader === undefined) return undefined;
  try {
    const items = reader instanceof FrameReader ? reader.places.length : reader.points;
    return { items, bytes: (await stat(reader.path).catch(() => undefined))?.size ?? 0 };
  } finally {
    await closeChunk(reader);
  }
}
