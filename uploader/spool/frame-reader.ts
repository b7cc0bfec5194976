import { type FileHandle, open, readFile } from 'node:fs/promises';
import { native } from '../native.js';
import { type ChunkCheck, checkOfParts } from './chunk-check.js';
import { type RheedSidecar, readSidecar, type Sidecar } from './entry.js';
import { codeOf, numbered } from './files.js';
import {
  type FrameJournal,
  type FramePlace,
  framesByIndex,
  framesByWalk,
  HEADER,
  indexOf,
  readAt,
  readFrameJournal,
} from './frame-places.js';

const PIECE = 1 << 20;

/** What the stream's record says that a chunk of it may lack. */
export interface FrameFacts {
  readonly fps: number | undefined;
  readonly height: number;
  readonly width: number;
}

/**
 * A RHEED chunk on disk, sealed or open, read without changing anything: while a process writes it, too. It reads
 * what was there when it was opened, also when the chunk is sealed or delivered meanwhile.
 */
export class FrameReader {
  readonly path: string;
  readonly sealed: boolean;
  readonly sidecar: RheedSidecar | undefined;
  readonly height: number;
  readonly width: number;
  /** A frame a place; undefined where it is not known where the frame lies. */
  readonly places: readonly (FramePlace | undefined)[];
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #journal: FrameJournal | undefined;
  readonly #facts: FrameFacts;
  readonly #faults: string[];

  private constructor(
    found: {
      file: FileHandle;
      path: string;
      size: number;
      sealed: boolean;
      sidecar?: RheedSidecar;
      journal?: FrameJournal;
      places: readonly (FramePlace | undefined)[];
      faults: string[];
    },
    facts: FrameFacts,
  ) {
    this.path = found.path;
    this.sealed = found.sealed;
    this.sidecar = found.sidecar;
    this.places = found.places;
    this.#file = found.file;
    this.#size = found.size;
    this.#journal = found.journal;
    this.#facts = facts;
    this.#faults = found.faults;
    const size = found.sidecar ?? found.journal ?? facts;
    this.height = size.height;
    this.width = size.width;
  }

  /** Undefined when there are no frames of this number here, or not any more. */
  static async open(folder: string, number: number, facts: FrameFacts): Promise<FrameReader | undefined> {
    // Journal and sidecar first: they are written before the frames have this name, and go after them.
    const sidecar = await readSidecar(folder, number);
    const journal = await readIfThere(numbered(folder, number, 'open'));
    for (const ending of ['shard', 'part', 'shard'] as const) {
      const path = numbered(folder, number, ending);
      const file = await openIfThere(path);
      if (file === undefined) continue;
      try {
        const { size } = await file.stat();
        const opening = { file, path, size };
        return ending === 'shard'
          ? await FrameReader.#sealed(opening, sidecar ?? (await readSidecar(folder, number)), facts)
          : await FrameReader.#open(opening, journal, facts);
      } catch (error) {
        await file.close();
        throw error;
      }
    }
    return journal && FrameReader.#begun(numbered(folder, number, 'open'), journal, facts);
  }

  /** A chunk that was begun, its journal first: no frames yet. */
  static async #begun(path: string, bytes: Buffer, facts: FrameFacts): Promise<FrameReader | undefined> {
    const file = await openIfThere(path);
    return file && FrameReader.#open({ file, path, size: 0 }, bytes, facts);
  }

  static async #sealed(
    found: { file: FileHandle; path: string; size: number },
    sidecar: Sidecar | undefined,
    facts: FrameFacts,
  ): Promise<FrameReader> {
    const known = sidecar?.kind === 'rheed' ? { sidecar } : {};
    const faults = known.sidecar === undefined ? ['its sidecar is missing or damaged'] : [];
    let places = await framesByIndex(found.file, found.size);
    if (places === undefined) {
      faults.push('its index does not hold');
      const { height, width } = known.sidecar ?? facts;
      places = await framesByWalk(found.file, found.size, height * width);
    }
    return new FrameReader({ ...found, ...known, sealed: true, places, faults }, facts);
  }

  static async #open(
    found: { file: FileHandle; path: string; size: number },
    bytes: Buffer | undefined,
    facts: FrameFacts,
  ): Promise<FrameReader> {
    const journal = bytes && readFrameJournal(bytes);
    if (journal !== undefined) {
      return new FrameReader({ ...found, journal, sealed: false, places: journal.places, faults: [] }, facts);
    }
    // Without frames and with the header not there yet, nothing in it was ever confirmed.
    const isDamaged = found.size > 0 || bytes === undefined || bytes.length >= HEADER;
    const faults = isDamaged ? ['its journal is missing or its header does not hold'] : [];
    const places = await framesByWalk(found.file, found.size, facts.height * facts.width);
    return new FrameReader({ ...found, sealed: false, places, faults }, facts);
  }

  get chunkIndex(): number | undefined {
    return this.sidecar?.chunk_index ?? this.#journal?.chunkIndex;
  }

  /** When a frame was taken by the host's clock, Unix ms; undefined when it cannot be told. */
  timeOf(place: number): number | undefined {
    const { fps } = this.#facts;
    if (fps === undefined) return undefined;
    const start = this.sidecar?.start_ms ?? this.#journal?.startMs(fps);
    return start === undefined ? undefined : start + (place * 1000) / fps;
  }

  /** The compressed bytes of a frame that holds; undefined when it does not. */
  async read(place: number): Promise<Buffer | undefined> {
    const bytes = await this.#bytes(place);
    return bytes && this.#decoded(bytes) && bytes;
  }

  /** The pixels of a frame that holds. */
  async pixels(place: number): Promise<Uint8Array | undefined> {
    const bytes = await this.#bytes(place);
    return bytes && this.#decoded(bytes);
  }

  async #bytes(place: number): Promise<Buffer | undefined> {
    const found = this.places[place];
    if (found === undefined || found.offset + found.length > this.#size) return undefined;
    const bytes = await readAt(this.#file, found.offset, found.length);
    if (bytes === undefined || (found.crc !== null && native().crc32c(bytes) !== found.crc)) return undefined;
    return bytes;
  }

  /** Reads all of it. */
  async check(): Promise<ChunkCheck> {
    const holding: boolean[] = [];
    for (const place of this.places.keys()) holding.push((await this.read(place)) !== undefined);
    const faults = [...this.#faults];
    if (this.sidecar !== undefined) {
      const { bytes, frames, shard_crc32c } = this.sidecar;
      if (bytes !== this.#size) faults.push(`expected ${bytes} bytes, found ${this.#size}`);
      else if ((await this.#crc()) !== Number.parseInt(shard_crc32c, 16))
        faults.push('its checksum does not hold');
      if (frames !== this.places.length)
        faults.push(`expected ${frames} frames, found ${this.places.length}`);
    }
    return checkOfParts('frame', holding, faults, !this.sealed, await this.#tornBytes());
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Bytes of frames and records that were being written. A piece of the index is what sealing begins with. */
  async #tornBytes(): Promise<number> {
    if (this.#journal === undefined) return 0;
    const last = this.places.findLast((place) => place !== undefined);
    const end = last === undefined ? 0 : last.offset + last.length;
    const behind = Math.max(0, this.#size - end);
    const index = indexOf(this.places);
    const isSealing =
      behind <= index.length &&
      (await readAt(this.#file, end, behind))?.equals(index.subarray(0, behind)) === true;
    return this.#journal.tornBytes + (isSealing ? 0 : behind);
  }

  /** Of the whole file, by the handle: it may have no name any more. */
  async #crc(): Promise<number> {
    let crc = 0;
    for (let at = 0; at < this.#size; at += PIECE) {
      const piece = await readAt(this.#file, at, Math.min(PIECE, this.#size - at));
      if (piece !== undefined) crc = native().crc32c(piece, crc);
    }
    return crc;
  }

  #decoded(bytes: Buffer): Uint8Array | undefined {
    return native().decodeFrame(bytes, this.height * this.width) ?? undefined;
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}
