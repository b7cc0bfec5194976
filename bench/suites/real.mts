import { comparison, goalsOf } from '../rheed/comparison.mts';
import { realFrames } from '../rheed/frame-sources.mts';
import type { Suite } from '../suite.mts';

export default {
  title: 'Real frames of a deposition, whole',
  prepare: async (options) => {
    const source = await realFrames(options.frames);
    if (typeof source === 'string') return { skip: source };
    // Whole chunks, and whole rounds of the six frames.
    const load = { source, fps: 20, chunkSize: 40, chunks: 81, frames: 120 };
    return comparison(load, options, goalsOf('real frames', { speed: 2.5, bytes: 1.01, cpu: 0.6 }));
  },
} satisfies Suite;
