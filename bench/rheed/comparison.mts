/** What suites of streamed frames share: the workload's file, the sides, the columns. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Column, Goal, Options, Prepared } from '../suite.mts';
import type { Source } from './frame-sources.mts';
import { ZSTD, zstdAlone, zstdAndWay } from './limits.mts';
import { OFFICIAL, OURS, official, ours } from './side.mts';
import type { Workload } from './workload.mts';

export interface Load {
  readonly source: Source;
  readonly fps: number;
  readonly chunkSize: number;
  /** So many that the official client takes ten to thirty seconds: a growth lasts hours, and a start is no part of it. */
  readonly chunks: number;
  /** That differ: the file holds these. */
  readonly frames: number;
}

export const COLUMNS: readonly Column[] = [
  { figure: 'frames_per_s', title: 'frames/s', digits: 0 },
  { figure: 'cpu_s_per_chunk', title: 'CPU s a chunk', digits: 3 },
  { figure: 'bytes_per_frame', title: 'bytes a frame', digits: 0 },
  { figure: 'memory_mb', title: 'memory over idle, MB', digits: 0 },
  { figure: 'receiver_cpu_ms_per_frame', title: 'receiver, CPU ms a frame', digits: 2 },
];

/** This project, the official client and both limits on the same frames. */
export async function comparison(
  load: Load,
  options: Options,
  goals: readonly Goal[] = [],
): Promise<Prepared> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-frames-'));
  const workload = await makeWorkload(load, folder, options);
  const { width, height, fps, chunkSize, chunks } = workload;
  return {
    work: `${chunks} chunks of ${chunkSize} frames ${width}x${height} at ${fps} frames/s, from the first push to the end of finalize`,
    sides: [
      ...(await official(workload)),
      ours(workload),
      await zstdAndWay(workload, options),
      await zstdAlone(workload, options),
    ],
    goals,
    columns: COLUMNS,
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

export async function makeWorkload(
  { source, fps, chunkSize, chunks, frames }: Load,
  folder: string,
  { quick }: Options,
): Promise<Workload> {
  const { width, height } = source;
  const file = join(folder, 'frames.u8');
  const handle = await open(file, 'w');
  for (let i = 0; i < frames; i += 1) await handle.write(source.frame(i));
  await handle.close();
  return { file, width, height, fps, chunkSize, frames, chunks: quick ? Math.ceil(chunks / 8) : chunks };
}

/** What is asked of this project beside the official client and zstd. */
export function goalsOf(
  work: string,
  { speed, bytes, cpu }: { speed: number; bytes: number; cpu: number },
): Goal[] {
  return [
    {
      work: `${work}, end to end`,
      goal: `≥ ${speed}x the official client's frames/s`,
      value: (look) => look(OURS, 'frames_per_s') / look(OFFICIAL, 'frames_per_s'),
      min: speed,
      unit: 'x',
    },
    {
      work: `${work}, bytes accepted by the server`,
      goal: `≤ ${bytes.toFixed(2)}x the official client's`,
      value: (look) => look(OURS, 'bytes_per_frame') / look(OFFICIAL, 'bytes_per_frame'),
      max: bytes,
      unit: 'x',
      digits: 3,
    },
    {
      work: `${work}, CPU seconds a chunk`,
      goal: `≤ ${cpu}x the official client's`,
      value: (look) => look(OURS, 'cpu_s_per_chunk') / look(OFFICIAL, 'cpu_s_per_chunk'),
      max: cpu,
      unit: 'x',
    },
    {
      work: `${work}, share of the zstd limit`,
      goal: '≥ 85 % of bare zstd, one thread × cores',
      value: (look) => (100 * look(OURS, 'frames_per_s')) / look(ZSTD, 'frames_per_s'),
      min: 85,
      unit: ' %',
      digits: 0,
    },
  ];
}
