import { COLUMNS, cameraSide, memoryGoal } from '../node-red/figures.mts';
import type { Suite } from '../suite.mts';

/** As many frames as 40 minutes of one camera at 120/s bring. */
const CAMERAS = { cameras: 8, fps: 120, interval: 1000 } as const;
const NAME = '8 cameras at 120/s';

export default {
  title: 'Many cameras, many frames',
  inNodeRed: true,
  async prepare({ quick, nodeRed }) {
    const [seconds, idleSeconds] = quick ? [3, 1] : [300, 3];
    const load = { ...CAMERAS, version: nodeRed, seconds, idleSeconds };
    return {
      work: `frames of 500x300, one a message, for ${seconds} s; each arrived once, in order, intact`,
      rounds: 1,
      sides: [cameraSide(NAME, load)],
      goals: [memoryGoal(NAME)],
      columns: COLUMNS,
    };
  },
} satisfies Suite;
