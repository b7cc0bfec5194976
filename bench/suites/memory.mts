import type { CameraLoad } from '../node-red/camera-run.mts';
import { COLUMNS, cameraSide, memoryGoal } from '../node-red/figures.mts';
import type { Suite } from '../suite.mts';

const FPS = 60;
/** Seconds of frames in a chunk. */
const CHUNKS = [2, 10, 60] as const;

const nameOf = (chunk: number): string => `chunks of ${chunk} s`;
const OUTAGE = 'chunks of 2 s, an outage in between';

export default {
  title: 'Memory: chunk sizes, an outage',
  inNodeRed: true,
  async prepare({ quick, nodeRed }) {
    const seconds = quick ? 3 : 150;
    const outage = [seconds / 5, (seconds * 4) / 5] as const;
    const load = (chunk: number): CameraLoad => ({
      version: nodeRed,
      cameras: 1,
      fps: FPS,
      chunkSize: chunk * FPS,
      seconds,
      idleSeconds: quick ? 1 : 3,
      interval: 1000,
    });
    const sides = [
      ...(quick ? [] : CHUNKS).map((chunk) => cameraSide(nameOf(chunk), load(chunk))),
      cameraSide(OUTAGE, { ...load(2), outage }),
    ];
    return {
      work: `frames of 500x300, ${FPS}/s for ${seconds} s, the outage ${Math.round(outage[1] - outage[0])} s of them; each arrived once, in order, intact`,
      rounds: 1,
      sides,
      goals: sides.map(({ name }) => memoryGoal(name)),
      columns: ['memory_mb', 'longest_ms', 'cpu_ms_per_frame', 'frames'].flatMap(
        (name) => COLUMNS.find(({ figure }) => figure === name) ?? [],
      ),
    };
  },
} satisfies Suite;
