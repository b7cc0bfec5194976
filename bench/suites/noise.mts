import { comparison } from '../rheed/comparison.mts';
import { noise } from '../rheed/frame-sources.mts';
import type { Suite } from '../suite.mts';

export default {
  title: 'Random noise: nothing to compress',
  prepare: (options) =>
    comparison({ source: noise(500, 300), fps: 120, chunkSize: 240, chunks: 24, frames: 480 }, options),
} satisfies Suite;
