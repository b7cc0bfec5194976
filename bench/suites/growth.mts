import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linear } from '../growth.mts';
import { makeWorkload } from '../rheed/comparison.mts';
import { noisyRheed } from '../rheed/frame-sources.mts';
import { oursByMessages } from '../rheed/side.mts';
import type { Options, Side, Suite } from '../suite.mts';

interface Cell {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly chunkSize: number;
  readonly chunks: number;
}

/** The same number of pixels in frames of another size. */
const SIZES: readonly Cell[] = [
  { width: 250, height: 150, fps: 20, chunkSize: 40, chunks: 192 },
  { width: 500, height: 300, fps: 20, chunkSize: 40, chunks: 48 },
  { width: 1000, height: 600, fps: 20, chunkSize: 40, chunks: 12 },
  { width: 2000, height: 1200, fps: 20, chunkSize: 40, chunks: 3 },
];

/** The same frames in chunks of 2, 10 and 60 seconds. */
const LENGTHS: readonly Cell[] = [
  { width: 500, height: 300, fps: 120, chunkSize: 240, chunks: 30 },
  { width: 500, height: 300, fps: 120, chunkSize: 1200, chunks: 6 },
  { width: 500, height: 300, fps: 120, chunkSize: 7200, chunks: 1 },
];

/** Ever more chunks, each so small that what a chunk costs by itself is seen. */
const COUNTS: readonly Cell[] = [
  { width: 64, height: 48, fps: 10, chunkSize: 20, chunks: 100 },
  { width: 64, height: 48, fps: 10, chunkSize: 20, chunks: 400 },
  { width: 64, height: 48, fps: 10, chunkSize: 20, chunks: 1600 },
];

const nameOf = ({ width, height, chunkSize, chunks }: Cell): string =>
  `${width}x${height}, ${chunks} × ${chunkSize}`;

export default {
  title: 'Growth: cost against frame size, chunk size, number of chunks',
  prepare: async (options) => {
    const folder = await mkdtemp(join(tmpdir(), 'bench-growth-'));
    const sides: Side[] = [];
    // A look has no time for the cells between, nor for a minute's chunk.
    const [sizes, lengths, counts] = options.quick
      ? [ends(SIZES), ends(LENGTHS.slice(0, -1)), ends(COUNTS)]
      : [SIZES, LENGTHS, COUNTS];
    for (const cell of [...sizes, ...lengths, ...counts]) sides.push(await sideOf(cell, folder, options));
    return {
      work: 'noisy synthetic RHEED, one frame a message, as fast as it goes; chunks × frames a chunk',
      sides,
      goals: [
        linear('frame size', 'cpu_ns_per_pixel', sizes.map(nameOf)),
        linear('chunk size', 'cpu_ns_per_pixel', lengths.map(nameOf)),
        linear('number of chunks', 'cpu_ms_per_chunk', counts.map(nameOf)),
        {
          work: `memory over idle, chunks of 2 to ${options.quick ? 10 : 60} s`,
          goal: '≤ 64 MB',
          value: (look) => Math.max(...lengths.map((cell) => look(nameOf(cell), 'memory_mb'))),
          max: 64,
          unit: ' MB',
          digits: 0,
        },
      ],
      columns: [
        { figure: 'cpu_ns_per_pixel', title: 'CPU ns a pixel', digits: 2 },
        { figure: 'cpu_ms_per_frame', title: 'CPU ms a frame', digits: 3 },
        { figure: 'cpu_ms_per_chunk', title: 'CPU ms a chunk', digits: 1 },
        { figure: 'frames_per_s', title: 'frames/s', digits: 0 },
        { figure: 'memory_mb', title: 'memory over idle, MB', digits: 0 },
      ],
      dispose: () => rm(folder, { recursive: true, force: true }),
    };
  },
} satisfies Suite;

const ends = (cells: readonly Cell[]): Cell[] => [cells[0] as Cell, cells.at(-1) as Cell];

async function sideOf(cell: Cell, folder: string, options: Options): Promise<Side> {
  const { width, height, chunkSize } = cell;
  const own = join(folder, nameOf(cell));
  await mkdir(own);
  const load = { ...cell, source: noisyRheed(width, height), frames: Math.min(chunkSize, 240) };
  const side = oursByMessages(await makeWorkload(load, own, options), nameOf(cell));
  return {
    ...side,
    measure: async () => {
      const { figures } = await side.measure();
      const cpu = figures.cpu_ms_per_frame ?? Number.NaN;
      const added = { cpu_ns_per_pixel: (cpu * 1e6) / (width * height), cpu_ms_per_chunk: cpu * chunkSize };
      return { figures: { ...figures, ...added } };
    },
  };
}
