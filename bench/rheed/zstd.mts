/** zstd alone on the same frames: what no client that compresses so can exceed. */
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import type { Measurement, Options, Side } from '../suite.mts';
import { example } from './examples.mts';
import type { Workload } from './workload.mts';

export const ZSTD = 'zstd alone';

const exec = promisify(execFile);

/** @param compression a setting, or the name of a way of `native/core/src/ways.rs` */
export async function zstdAlone(
  workload: Workload,
  { quick }: Options,
  compression = 'auto',
  name = ZSTD,
): Promise<Side> {
  const program = await example('zstd_limit');
  return { name, measure: () => measure(program, workload, compression, quick ? 0.5 : 2) };
}

/** What the program prints. */
interface Told {
  readonly frames_per_s: number;
  /** null where the system does not tell a thread's processor time. */
  readonly cpu_ms_per_frame: number | null;
  readonly bytes_per_frame: number;
}

async function measure(
  program: string,
  { file, width, height, chunkSize }: Workload,
  compression: string,
  seconds: number,
): Promise<Measurement> {
  const compress = async (threads: number): Promise<Told> => {
    const args = [file, width * height, width, compression, seconds, threads].map(String);
    return JSON.parse((await exec(program, args)).stdout);
  };
  const cores = cpus().length;
  const [one, all] = [await compress(1), await compress(cores)];
  const cpu = one.cpu_ms_per_frame ?? 1000 / one.frames_per_s;
  return {
    figures: {
      // One thread times cores, and as many threads as cores side by side: they share caches and memory.
      frames_per_s: one.frames_per_s * cores,
      side_by_side_frames_per_s: all.frames_per_s,
      cpu_ms_per_frame: cpu,
      cpu_s_per_chunk: (cpu * chunkSize) / 1000,
      bytes_per_frame: one.bytes_per_frame,
      cores,
    },
  };
}
