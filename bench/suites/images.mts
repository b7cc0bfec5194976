import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { python } from '../../test/helpers/python.mts';
import { COLUMNS, makeWorkload } from '../rheed/comparison.mts';
import { realFrames, repeated } from '../rheed/frame-sources.mts';
import { zstdAndWay } from '../rheed/limits.mts';
import { official, oursByMessages } from '../rheed/side.mts';
import type { Goal, Options, Side, Suite } from '../suite.mts';

const FORMATS = ['bmp', 'png', 'jpeg'] as const;
/** Whole rounds of the six images. */
const [FPS, CHUNK_SIZE, CHUNKS] = [20, 40, 81];
const script = fileURLToPath(new URL('../rheed/make_images.py', import.meta.url));

const pillow = (format: string): string => `${format.toUpperCase()}: Pillow + official client`;
const LIMIT = 'BMP: copy, zstd, disk and wire alone';
const us = (format: string): string => `${format.toUpperCase()}: this project`;

export default {
  title: 'Encoded images of real frames',
  prepare: async (options) => {
    const source = await realFrames(options.frames);
    if (typeof source === 'string') return { skip: source };
    const found = await python();
    if ('skip' in found) return { skip: found.skip };
    const folder = await mkdtemp(join(tmpdir(), 'bench-images-'));
    const sides: Side[] = [];
    for (const format of FORMATS) sides.push(...(await sidesOf(format, source, found.path, folder, options)));
    const chunks = options.quick ? Math.ceil(CHUNKS / 8) : CHUNKS;
    return {
      work: `${chunks} chunks of ${CHUNK_SIZE} images ${source.width}x${source.height}, gray, from memory; JPEG of quality 90, where decoders may round to the next gray level`,
      sides,
      goals: FORMATS.map(goalOf),
      columns: COLUMNS,
      dispose: () => rm(folder, { recursive: true, force: true }),
    };
  },
} satisfies Suite;

async function sidesOf(
  format: string,
  { width, height, files }: { width: number; height: number; files: readonly string[] },
  interpreter: string,
  folder: string,
  options: Options,
): Promise<Side[]> {
  const own = join(folder, format);
  await mkdir(own);
  await promisify(execFile)(interpreter, [script, format, own, ...files]);
  const decoded = await readFile(join(own, 'decoded.u8'));
  const source = repeated(width, height, decoded);
  const load = { source, fps: FPS, chunkSize: CHUNK_SIZE, chunks: CHUNKS, frames: 120 };
  const images = files.map((_, i) => join(own, `${i}.${format}`));
  const tolerance = format === 'jpeg' ? 1 : 0;
  const workload = { ...(await makeWorkload(load, own, options)), images, tolerance };
  const sides = [...(await official(workload, pillow(format))), oursByMessages(workload, us(format))];
  // A gray BMP is its pixels, row by row from below: whoever reads it copies them.
  if (format === 'bmp') sides.push(await zstdAndWay(workload, options, { name: LIMIT, copied: true }));
  return sides;
}

const goalOf = (format: string): Goal => ({
  work: `${format.toUpperCase()} images to shards`,
  goal: '≥ 3x Pillow and the official client',
  value: (look) => look(us(format), 'frames_per_s') / look(pillow(format), 'frames_per_s'),
  min: 3,
  unit: 'x',
});
