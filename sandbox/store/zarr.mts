/** The Zarr v3 metadata of a RHEED stream: group `frames.zarr` with the one array `frames`. */
import { join } from 'node:path';
import { writeJson } from './files.mts';

export interface ArrayShape {
  /** Frames in all, up to the last one of the highest chunk. */
  total: number;
  height: number;
  width: number;
  /** Frames a shard. */
  chunkSize: number;
}

/** Where a chunk's shard lies. */
export function shardFile(streamFolder: string, index: number): string {
  return join(streamFolder, 'frames.zarr', 'frames', 'c', String(index), '0', '0');
}

/** Writes both zarr.json files for the array as it stands now. */
export async function writeZarr(streamFolder: string, shape: ArrayShape): Promise<void> {
  const group = join(streamFolder, 'frames.zarr');
  await writeJson(join(group, 'zarr.json'), { zarr_format: 3, node_type: 'group', attributes: {} });
  await writeJson(join(group, 'frames', 'zarr.json'), arrayMetadata(shape));
}

export function arrayMetadata({ total, height, width, chunkSize }: ArrayShape): Record<string, unknown> {
  return {
    zarr_format: 3,
    node_type: 'array',
    shape: [total, height, width],
    data_type: 'uint8',
    chunk_grid: { name: 'regular', configuration: { chunk_shape: [chunkSize, height, width] } },
    chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
    fill_value: 0,
    codecs: [
      {
        name: 'sharding_indexed',
        configuration: {
          chunk_shape: [1, height, width],
          codecs: [{ name: 'bytes' }, { name: 'zstd', configuration: { level: 0, checksum: false } }],
          index_codecs: [{ name: 'bytes', configuration: { endian: 'little' } }, { name: 'crc32c' }],
          index_location: 'end',
        },
      },
    ],
    attributes: {},
    dimension_names: ['frame', 'y', 'x'],
  };
}
