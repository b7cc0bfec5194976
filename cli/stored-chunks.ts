import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameReader } from '../uploader/spool/frame-reader.js';
import { Quarantine } from '../uploader/spool/quarantine.js';
import { RowsReader } from '../uploader/timeseries/rows-reader.js';
import type { StreamFolder } from './spool.js';

const FILE = /^(\d{6,})\.(part|open|json|shard|rows)$/;

export type Place = 'open' | 'waiting' | 'kept' | 'quarantine';

/** A chunk of a stream on disk. */
export interface StoredChunk {
  readonly number: number;
  readonly place: Place;
  /** Where its files are. */
  readonly folder: string;
}

/** All chunks of a stream, in the order of their numbers. */
export async function storedChunks(stream: StreamFolder): Promise<StoredChunk[]> {
  const delivered = new Set(stream.record?.acknowledged ?? []);
  const chunks: StoredChunk[] = [];
  for (const [number, endings] of await numbersIn(stream.path)) {
    if (delivered.has(number)) continue;
    const isSealed = endings.has('shard') || endings.has('rows');
    const isOpen = !isSealed && (endings.has('open') || endings.has('part'));
    chunks.push({ number, place: isOpen ? 'open' : 'waiting', folder: stream.path });
  }
  for (const folder of await keptFolders(stream.path)) {
    for (const number of (await numbersIn(folder)).keys()) chunks.push({ number, place: 'kept', folder });
  }
  const quarantine = join(stream.path, 'quarantine');
  for (const number of (await numbersIn(quarantine)).keys())
    chunks.push({ number, place: 'quarantine', folder: quarantine });
  return chunks.sort((one, other) => one.number - other.number);
}

/** What is in quarantine; a running process may take chunks out of it meanwhile. */
export async function quarantineOf({ path }: StreamFolder): Promise<Quarantine> {
  for (let look = 1; ; look += 1) {
    try {
      return await Quarantine.load(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || look === 3) throw error;
    }
  }
}

export type ChunkReader = FrameReader | RowsReader;

/** A chunk's data, wherever the chunk is by now; undefined when it is gone. */
export async function openChunk(
  stream: StreamFolder,
  { number, folder, place }: StoredChunk,
): Promise<ChunkReader | undefined> {
  const found = await openIn(stream, folder, number);
  if (found !== undefined || place === 'kept' || place === 'quarantine') return found;
  // Delivered since the folder was listed, and perhaps kept.
  for (const kept of (await keptFolders(stream.path)).reverse()) {
    const reader = await openIn(stream, kept, number);
    if (reader !== undefined) return reader;
  }
  return undefined;
}

export async function closeChunk(reader: ChunkReader): Promise<void> {
  if (reader instanceof FrameReader) await reader.close();
}

function openIn(
  { kind, record }: StreamFolder,
  folder: string,
  number: number,
): Promise<ChunkReader | undefined> {
  if (kind === 'timeseries') return RowsReader.open(folder, number);
  const fps = Number(record?.settings.fps);
  return FrameReader.open(folder, number, {
    fps: fps > 0 ? fps : undefined,
    height: record?.height ?? 0,
    width: record?.width ?? 0,
  });
}

/** Folders of delivered chunks that are kept, the oldest day first. */
async function keptFolders(path: string): Promise<string[]> {
  const uploaded = join(path, 'uploaded');
  return (await namesIn(uploaded)).map((day) => join(uploaded, day));
}

async function numbersIn(folder: string): Promise<Map<number, Set<string>>> {
  const numbers = new Map<number, Set<string>>();
  for (const name of await namesIn(folder)) {
    const [, digits, ending] = FILE.exec(name) ?? [];
    if (digits === undefined || ending === undefined) continue;
    numbers.set(Number(digits), (numbers.get(Number(digits)) ?? new Set()).add(ending));
  }
  return numbers;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
