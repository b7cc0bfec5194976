import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const CHUNK = 65_536;

const TYPES = {
  float64: {
    bytes: 8,
    fill: 'NaN',
    write: (to: Buffer, at: number, value: number) => to.writeDoubleLE(value, at),
  },
  int32: { bytes: 4, fill: -1, write: (to: Buffer, at: number, value: number) => to.writeInt32LE(value, at) },
} as const;

/** A Zarr v3 array of one number a frame. */
export class NumberArray {
  readonly #folder: string;
  readonly #type: keyof typeof TYPES;
  readonly #attributes: object;
  #values: number[] = [];
  #chunks = 0;

  constructor(folder: string, type: keyof typeof TYPES, attributes: object) {
    this.#folder = folder;
    this.#type = type;
    this.#attributes = attributes;
  }

  async add(value: number): Promise<void> {
    this.#values.push(value);
    if (this.#values.length === CHUNK) await this.#write();
  }

  async end(): Promise<void> {
    const length = this.#chunks * CHUNK + this.#values.length;
    if (this.#values.length > 0) await this.#write();
    const metadata = {
      zarr_format: 3,
      node_type: 'array',
      shape: [length],
      data_type: this.#type,
      chunk_grid: { name: 'regular', configuration: { chunk_shape: [CHUNK] } },
      chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
      fill_value: TYPES[this.#type].fill,
      codecs: [{ name: 'bytes', configuration: { endian: 'little' } }],
      attributes: this.#attributes,
      dimension_names: ['frame'],
    };
    await writeFile(join(this.#folder, 'zarr.json'), JSON.stringify(metadata, null, 2));
  }

  async #write(): Promise<void> {
    const { bytes, write } = TYPES[this.#type];
    const chunk = Buffer.alloc(CHUNK * bytes);
    for (const [n, value] of this.#values.entries()) write(chunk, n * bytes, value);
    await mkdir(join(this.#folder, 'c'), { recursive: true });
    await writeFile(join(this.#folder, 'c', String(this.#chunks)), chunk);
    this.#chunks += 1;
    this.#values = [];
  }
}
