import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rheedSettings } from '../../uploader/settings.js';
import type { ExportChunks } from './chunks.js';
import { FrameArray } from './frame-array.js';
import { NumberArray } from './number-array.js';

/**
 * Writes `frames.zarr`: a Zarr v3 group with the arrays frames[n, y, x], time[n] and chunk[n]. Only frames that are
 * there are in it, one after the other: a chunk that is missing leaves no gap, `chunk` and the attributes tell.
 *
 * @returns the number of frames
 */
export async function exportZarr(chunks: ExportChunks, to: string): Promise<number> {
  const group = join(to, 'frames.zarr');
  const { record } = chunks.stream;
  const time = new NumberArray(join(group, 'time'), 'float64', {
    units: 'seconds since 1970-01-01T00:00:00Z',
    clock: 'of the computer that recorded; NaN: not known',
  });
  const chunk = new NumberArray(join(group, 'chunk'), 'int32', { description: 'chunk index in the stream' });
  let frames: FrameArray | undefined;
  let clock: number | null = null;
  for await (const { index, place, reader, from, isWhole } of chunks.frames()) {
    const { height, width, places, sidecar } = reader;
    const size = record === undefined ? places.length : rheedSettings(record.settings).chunkSize;
    frames ??= new FrameArray(join(group, 'frames'), size, height, width);
    if (!frames.fits(height, width)) {
      const detail = 'its frames are of another size';
      chunks.damaged.push({ chunk: index, from: place, detail, exported: 0, certain: true });
      continue;
    }
    clock = sidecar?.clock?.offsetMs ?? clock;
    const copied =
      reader.sealed && isWhole && from === 0 && (await frames.addShard(reader.path, places.length));
    for (let frame = from; frame < places.length; frame += 1) {
      if (!copied) {
        const bytes = await reader.read(frame);
        if (bytes === undefined) continue;
        await frames.addFrame(bytes);
      }
      await time.add((reader.timeOf(frame) ?? Number.NaN) / 1000);
      await chunk.add(index);
    }
  }
  if (frames === undefined) return 0;
  await frames.end();
  await time.end();
  await chunk.end();
  const attributes = {
    stream: record?.generations[0]?.name ?? null,
    data_ids: record?.generations.map(({ data_id }) => data_id) ?? [],
    settings: record?.settings ?? {},
    clock_offset_ms: clock,
    missing_chunks: await chunks.missing(),
    damaged_chunks: chunks.damaged,
  };
  await mkdir(group, { recursive: true });
  await writeFile(
    join(group, 'zarr.json'),
    JSON.stringify({ zarr_format: 3, node_type: 'group', attributes }, null, 2),
  );
  return frames.length;
}
