import { comparison } from '../rheed/comparison.mts';
import { cropped, realFrames } from '../rheed/frame-sources.mts';
import type { Suite } from '../suite.mts';

export default {
  title: 'Real frames, the middle 300x500 of them',
  prepare: async (options) => {
    const source = await realFrames(options.frames);
    if (typeof source === 'string') return { skip: source };
    const load = { source: cropped(source, 300, 500), fps: 120, chunkSize: 240, chunks: 48, frames: 240 };
    return comparison(load, options);
  },
} satisfies Suite;
