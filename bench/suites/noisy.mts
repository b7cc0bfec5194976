import { comparison, goalsOf } from '../rheed/comparison.mts';
import { noisyRheed } from '../rheed/frame-sources.mts';
import type { Suite } from '../suite.mts';

export default {
  title: 'Synthetic RHEED with noise of sigma 2',
  prepare: (options) =>
    comparison(
      { source: noisyRheed(500, 300), fps: 120, chunkSize: 240, chunks: 84, frames: 720 },
      options,
      goalsOf('noisy synthetic RHEED', { speed: 5, bytes: 1, cpu: 0.3 }),
    ),
} satisfies Suite;
