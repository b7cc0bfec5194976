import { runCameras } from '../node-red/camera-run.mts';
import { COLUMNS, measurementOf } from '../node-red/figures.mts';
import type { Measurement, Suite } from '../suite.mts';

const SIDE = '1 camera at 120/s';

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Memory at the end over that near the beginning, each the mean of a tenth: what leaks, leaks on. */
function withDrift(measured: Measurement): Measurement {
  const memory = (measured.curves?.memory?.points ?? []).map(([, value]) => value);
  const tenth = Math.max(1, Math.floor(memory.length / 10));
  const memory_drift_mb = mean(memory.slice(-tenth)) - mean(memory.slice(tenth, 2 * tenth));
  return { ...measured, figures: { ...measured.figures, memory_drift_mb } };
}

export default {
  title: 'An hour at 120 frames/s',
  inNodeRed: true,
  onlyByName: true,
  async prepare({ quick, minutes, nodeRed }) {
    const seconds = quick ? 20 : minutes * 60;
    const progress = (text: string) => console.error(`hour: ${text}`);
    const load = {
      version: nodeRed,
      cameras: 1,
      fps: 120,
      seconds,
      idleSeconds: 10,
      interval: 5000,
      progress,
    } as const;
    return {
      work: `frames of 500x300 at 120/s, one a message, for ${seconds} s; each arrived once, in order, intact`,
      rounds: 1,
      sides: [{ name: SIDE, measure: async () => withDrift(measurementOf(await runCameras(load))) }],
      columns: [
        ...COLUMNS,
        { figure: 'memory_drift_mb', title: 'memory, last tenth over second, MB', digits: 1 },
      ],
      goals: [
        {
          work: 'an hour at 120/s: memory over idle',
          goal: '≤ 64 MB',
          value: (look) => look(SIDE, 'memory_mb'),
          max: 64,
          unit: ' MB',
          digits: 1,
        },
        {
          work: 'an hour at 120/s: memory of the last tenth over that of the second',
          goal: '≤ 8 MB (flat)',
          value: (look) => look(SIDE, 'memory_drift_mb'),
          max: 8,
          unit: ' MB',
          digits: 1,
        },
        {
          work: 'an hour at 120/s: event loop p99 over idle',
          goal: '≤ +5 ms',
          value: (look) => look(SIDE, 'delay_over_idle_ms'),
          max: 5,
          unit: ' ms',
          digits: 1,
        },
      ],
    };
  },
} satisfies Suite;
