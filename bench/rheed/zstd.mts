/** zstd alone on the same frames: what no client that compresses so can exceed. */
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root, run } from '../../scripts/run.mjs';
import type { Measurement, Options, Side } from '../suite.mts';
import type { Workload } from './workload.mts';

export const ZSTD = 'zstd alone';

const native = join(root, 'native');
const program = join(native, 'target', 'release', 'examples', 'zstd_limit');
const exec = promisify(execFile);

/** Nothing where there is no cargo to build it with: the native core is all that others need. */
export async function zstdAlone(workload: Workload, { quick }: Options): Promise<Side[]> {
  const code = await run(
    'cargo',
    ['build', '--release', '--quiet', '-p', 'atomscale-core', '--example', 'zstd_limit'],
    { cwd: native, quiet: true },
  );
  return code === 0 ? [{ name: ZSTD, measure: () => measure(workload, quick ? 0.5 : 2) }] : [];
}

async function measure({ file, width, height, chunkSize }: Workload, seconds: number): Promise<Measurement> {
  const compress = async (threads: number): Promise<{ frames_per_s: number; bytes_per_frame: number }> => {
    const args = [file, width * height, width, 'auto', seconds, threads].map(String);
    return JSON.parse((await exec(program, args)).stdout);
  };
  const cores = cpus().length;
  const [one, all] = [await compress(1), await compress(cores)];
  return {
    figures: {
      // One thread times cores, and as many threads as cores side by side: they share caches and memory.
      frames_per_s: one.frames_per_s * cores,
      side_by_side_frames_per_s: all.frames_per_s,
      cpu_ms_per_frame: 1000 / one.frames_per_s,
      cpu_s_per_chunk: chunkSize / one.frames_per_s,
      bytes_per_frame: one.bytes_per_frame,
      cores,
    },
  };
}
