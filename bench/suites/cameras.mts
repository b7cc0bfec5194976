import type { CameraLoad } from '../node-red/camera-run.mts';
import { COLUMNS, cameraSide, memoryGoal } from '../node-red/figures.mts';
import type { Goal, Side, Suite } from '../suite.mts';

const NAMES = { 4: 'Node-RED 4.1', 5: 'Node-RED 5' } as const;
const VERSIONS = [5, 4] as const;
const LOADS = [
  { cameras: 1, fps: 120, goal: 5 },
  { cameras: 8, fps: 30, goal: 10 },
] as const;

const nameOf = (version: 4 | 5, cameras: number, fps: number): string =>
  `${NAMES[version]}, ${cameras === 1 ? '1 camera' : `${cameras} cameras`} at ${fps}/s`;

export default {
  title: 'Cameras through Node-RED',
  async prepare({ quick }) {
    const [seconds, idleSeconds] = quick ? [2, 1] : [20, 5];
    const all = VERSIONS.flatMap((version) => LOADS.map((load) => ({ version, ...load })));
    // Each version and each load once.
    const kinds = quick ? all.filter((_, i) => i === 0 || i === 3) : all;
    const sides = kinds.map(({ version, cameras, fps }): Side => {
      const load: CameraLoad = { version, cameras, fps, seconds, idleSeconds, interval: 500 };
      return cameraSide(nameOf(version, cameras, fps), load);
    });
    const goals = kinds.flatMap(({ version, cameras, fps, goal }): Goal[] => {
      const side = nameOf(version, cameras, fps);
      return [
        {
          work: `${side}: event loop p99 over idle`,
          goal: `≤ +${goal} ms`,
          value: (look) => look(side, 'delay_over_idle_ms'),
          max: goal,
          unit: ' ms',
          digits: 1,
        },
        memoryGoal(side),
      ];
    });
    return {
      work: `frames of 500x300, one a message, for ${seconds} s; each arrived once, in order, intact`,
      sides,
      goals,
      columns: COLUMNS,
    };
  },
} satisfies Suite;
