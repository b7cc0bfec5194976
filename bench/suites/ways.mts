import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeWorkload } from '../rheed/comparison.mts';
import { cropped, noisyRheed, realFrames, type Source } from '../rheed/frame-sources.mts';
import { zstdAlone } from '../rheed/limits.mts';
import type { Options, Side, Suite } from '../suite.mts';

/** What `compression` can be, and the ways that `auto` and `small` try (`native/core/src/ways.rs`). */
const COMPRESSIONS = [
  ...['auto', 'fast', 'small', '1', '3', '6', '9'],
  ...['own matches', 'symbols', 'light', 'short matches', 'middling matches'],
  ...['two lengths of matches', 'two lengths of matches, small blocks'],
  ...['lazy matches', 'lazy matches, long search', 'lazy short matches'],
];

export default {
  title: 'Ways of compressing: bytes and time of a frame',
  onlyByName: true,
  prepare: async (options) => {
    const real = await realFrames(options.frames);
    const sources: [string, Source][] = [['noisy 500x300', noisyRheed(500, 300)]];
    if (typeof real !== 'string')
      sources.push(['real 300x500', cropped(real, 300, 500)], ['real 1388x1038', real]);
    const folder = await mkdtemp(join(tmpdir(), 'bench-ways-'));
    const sides: Side[] = [];
    for (const [name, source] of sources) sides.push(...(await sidesOf(name, source, folder, options)));
    return {
      work: 'zstd alone, one thread; frames, way',
      sides,
      goals: [],
      columns: [
        { figure: 'bytes_per_frame', title: 'bytes a frame', digits: 0 },
        { figure: 'cpu_ms_per_frame', title: 'CPU ms a frame', digits: 3 },
      ],
      dispose: () => rm(folder, { recursive: true, force: true }),
    };
  },
} satisfies Suite;

async function sidesOf(name: string, source: Source, folder: string, options: Options): Promise<Side[]> {
  const own = join(folder, name);
  await mkdir(own);
  const workload = await makeWorkload(
    { source, fps: 120, chunkSize: 240, chunks: 1, frames: 24 },
    own,
    options,
  );
  return Promise.all(
    COMPRESSIONS.map((compression) =>
      zstdAlone(workload, { ...options, quick: true }, compression, `${name}, ${compression}`),
    ),
  );
}
