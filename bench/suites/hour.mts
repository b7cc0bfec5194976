import { runCameras } from '../node-red/camera-run.mts';
import { COLUMNS, measurementOf } from '../node-red/figures.mts';
import type { Curve, Measurement, Suite } from '../suite.mts';

const SIDE = '1 camera at 120/s';

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The end of a curve over its part near the beginning, each the mean of a tenth: what leaks, leaks on. */
function drift(curve: Curve | undefined): number {
  const values = (curve?.points ?? []).map(([, value]) => value);
  const tenth = Math.max(1, Math.floor(values.length / 10));
  return mean(values.slice(-tenth)) - mean(values.slice(tenth, 2 * tenth));
}

function withDrift(measured: Measurement): Measurement {
  const added = {
    drift_mb: drift(measured.curves?.memory),
    drift_but_young_mb: drift(measured.curves?.['memory-but-young']),
  };
  return { ...measured, figures: { ...measured.figures, ...added } };
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
        { figure: 'drift_mb', title: 'memory, last tenth over second, MB', digits: 1 },
        { figure: 'drift_but_young_mb', title: 'without V8’s young generation, MB', digits: 1 },
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
          work: 'an hour at 120/s: memory without V8’s young generation, the last tenth over the second',
          goal: '≤ 8 MB (flat)',
          value: (look) => look(SIDE, 'drift_but_young_mb'),
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
