import { copyFile, type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { indexOf } from '../../uploader/spool/frame-places.js';

/** A shard that is being filled. */
interface OpenShard {
  readonly file: FileHandle;
  readonly index: { offset: number; length: number }[];
  end: number;
}

/** A Zarr v3 array [n, height, width] of uint8, a zstd frame an image, in shards of `size` images. */
export class FrameArray {
  readonly #folder: string;
  readonly #size: number;
  readonly #height: number;
  readonly #width: number;
  #shard: OpenShard | undefined;
  length = 0;

  constructor(folder: string, size: number, height: number, width: number) {
    this.#folder = folder;
    this.#size = size;
    this.#height = height;
    this.#width = width;
  }

  fits(height: number, width: number): boolean {
    return height === this.#height && width === this.#width;
  }

  /** Copies a shard of `frames` images as it is; false when it does not lie where one of this array would. */
  async addShard(path: string, frames: number): Promise<boolean> {
    if (frames !== this.#size || this.length % this.#size !== 0) return false;
    const to = await this.#next();
    try {
      await copyFile(path, to);
    } catch (error) {
      // Delivered and deleted meanwhile: its frames can still be read one by one.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    this.length += frames;
    return true;
  }

  /** Adds an image, compressed. */
  async addFrame(bytes: Uint8Array): Promise<void> {
    this.#shard ??= { file: await open(await this.#next(), 'wx'), index: [], end: 0 };
    const shard = this.#shard;
    await shard.file.writeFile(bytes);
    shard.index.push({ offset: shard.end, length: bytes.length });
    shard.end += bytes.length;
    this.length += 1;
    if (shard.index.length === this.#size) await this.#seal();
  }

  async end(): Promise<void> {
    await this.#seal();
    const chunk_shape = [this.#size, this.#height, this.#width];
    const metadata = {
      zarr_format: 3,
      node_type: 'array',
      shape: [this.length, this.#height, this.#width],
      data_type: 'uint8',
      chunk_grid: { name: 'regular', configuration: { chunk_shape } },
      chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
      fill_value: 0,
      codecs: [
        {
          name: 'sharding_indexed',
          configuration: {
            chunk_shape: [1, this.#height, this.#width],
            codecs: [{ name: 'bytes' }, { name: 'zstd', configuration: { level: 1, checksum: false } }],
            index_codecs: [{ name: 'bytes', configuration: { endian: 'little' } }, { name: 'crc32c' }],
            index_location: 'end',
          },
        },
      ],
      attributes: {},
      dimension_names: ['frame', 'y', 'x'],
    };
    await writeFile(join(this.#folder, 'zarr.json'), JSON.stringify(metadata, null, 2));
  }

  /** Where the shard of the next image lies. */
  async #next(): Promise<string> {
    const path = join(this.#folder, 'c', String(Math.floor(this.length / this.#size)), '0', '0');
    await mkdir(dirname(path), { recursive: true });
    return path;
  }

  async #seal(): Promise<void> {
    const shard = this.#shard;
    if (shard === undefined) return;
    this.#shard = undefined;
    const index = indexOf(Array.from({ length: this.#size }, (_, n) => shard.index[n]));
    try {
      await shard.file.writeFile(index);
    } finally {
      await shard.file.close();
    }
  }
}
