import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportChunks } from './chunks.js';
import { csvLine, isoText } from './csv.js';

/**
 * Writes a folder a chunk, a TIFF a frame in it, and frames.csv with the times of all.
 *
 * @returns the number of frames
 */
export async function exportTiff(chunks: ExportChunks, to: string): Promise<number> {
  await mkdir(to, { recursive: true });
  const name = safe(chunks.stream.record?.generations[0]?.name ?? chunks.stream.name);
  const table = await open(join(to, 'frames.csv'), 'wx');
  let count = 0;
  try {
    await table.writeFile(csvLine(['file', 'chunk', 'frame', 'time', 'unix']));
    for await (const { index, reader, from } of chunks.frames()) {
      const folder = String(index).padStart(6, '0');
      await mkdir(join(to, folder), { recursive: true });
      for (let place = from; place < reader.places.length; place += 1) {
        const pixels = await reader.pixels(place);
        if (pixels === undefined) continue;
        const time = reader.timeOf(place);
        const unix = time === undefined ? undefined : time / 1000;
        const file = `${folder}/${name}-${folder}-${String(place).padStart(4, '0')}.tif`;
        const about = `chunk ${index}, frame ${place}${unix === undefined ? '' : `, ${isoText(unix)}`}`;
        await writeFile(join(to, file), tiffOf(pixels, reader.height, reader.width, about), { flag: 'wx' });
        await table.writeFile(csvLine([file, index, place, isoText(unix), unix ?? '']));
        count += 1;
      }
    }
  } finally {
    await table.close();
  }
  return count;
}

/** Letters, digits and a few signs of a name; never a path. */
const safe = (name: string): string =>
  name
    .replaceAll(/[^\p{L}\p{N}_-]+/gu, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60) || 'frame';

const [SHORT, LONG, ASCII] = [3, 4, 2] as const;

/** A baseline TIFF of one gray image, not compressed, in one strip. */
export function tiffOf(pixels: Uint8Array, height: number, width: number, about: string): Buffer {
  const text = Buffer.from(`${about}\0`, 'ascii');
  // Header, tags, text, pixels.
  const tags: (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [258, SHORT, 1, 8],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, 1],
    [270, ASCII, text.length, 0],
    [273, LONG, 1, 0],
    [277, SHORT, 1, 1],
    [278, LONG, 1, height],
    [279, LONG, 1, pixels.length],
  ];
  const textAt = 8 + 2 + 12 * tags.length + 4;
  const pixelsAt = textAt + text.length + (text.length % 2);
  const file = Buffer.alloc(pixelsAt + pixels.length);
  file.write('II');
  file.writeUInt16LE(42, 2);
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(tags.length, 8);
  tags.forEach(([tag, type, count, value], n) => {
    const at = 10 + 12 * n;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
    file.writeUInt32LE(tag === 270 ? textAt : tag === 273 ? pixelsAt : value, at + 8);
  });
  text.copy(file, textAt);
  file.set(pixels, pixelsAt);
  return file;
}
