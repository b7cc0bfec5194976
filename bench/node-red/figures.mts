/** What a run in Node-RED says of memory and event loop, as the reports want it. */
import type { Column, Curve, Goal, Measurement, Side } from '../suite.mts';
import { type CameraLoad, type CameraRun, runCameras } from './camera-run.mts';
import type { Sample } from './watch.mts';

export const COLUMNS: readonly Column[] = [
  { figure: 'delay_over_idle_ms', title: 'event loop p99 over idle, ms', digits: 1 },
  { figure: 'delay_idle_ms', title: 'idle', digits: 1 },
  { figure: 'delay_ms', title: 'loaded', digits: 1 },
  { figure: 'beside_ms', title: 'a process that does nothing, at the same time', digits: 1 },
  { figure: 'longest_ms', title: 'longest', digits: 0 },
  { figure: 'memory_mb', title: 'memory over idle, MB', digits: 1 },
  { figure: 'memory_but_young_mb', title: 'without V8’s young generation, MB', digits: 1 },
  { figure: 'cpu_ms_per_frame', title: 'CPU a frame, ms', digits: 2 },
  { figure: 'frames', title: 'frames, all intact', digits: 0 },
];

export function measurementOf({ idle, loaded, beside_ms, frames }: CameraRun): Measurement {
  const { memory_mb: before, young_mb: youngBefore } = idle.samples.at(-1) ?? idle;
  const butYoung = (sample: Sample): number => sample.memory_mb - sample.young_mb - (before - youngBefore);
  const curve = (title: string, unit: string, of: (sample: Sample) => number): Curve => ({
    title,
    unit,
    points: loaded.samples.map((sample) => [sample.seconds, of(sample)] as const),
  });
  return {
    figures: {
      frames,
      seconds: loaded.seconds,
      delay_idle_ms: idle.delay_ms,
      delay_ms: loaded.delay_ms,
      delay_over_idle_ms: loaded.delay_ms - idle.delay_ms,
      longest_ms: loaded.longest_ms,
      beside_ms,
      memory_idle_mb: before,
      memory_mb: loaded.memory_mb - before,
      memory_but_young_mb: Math.max(...loaded.samples.map(butYoung)),
      cpu_ms_per_frame: (loaded.cpu / frames) * 1000,
    },
    curves: {
      memory: curve('Memory over the idle process', 'MB', ({ memory_mb }) => memory_mb - before),
      'memory-but-young': curve('Memory over the idle process without V8’s young generation', 'MB', butYoung),
      delay: curve('Event-loop delay, 99th percentile', 'ms', ({ delay_ms }) => delay_ms),
    },
  };
}

/** Cameras as a side of a suite. */
export const cameraSide = (name: string, load: CameraLoad): Side => ({
  name,
  measure: async () => measurementOf(await runCameras(load)),
});

/** What a process may take over its idle state, whatever the work. */
export const memoryGoal = (side: string): Goal => ({
  work: `${side}: memory over idle`,
  goal: '≤ 64 MB',
  value: (look) => look(side, 'memory_mb'),
  max: 64,
  unit: ' MB',
  digits: 1,
});
