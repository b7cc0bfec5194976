/** What no client that compresses so can exceed: zstd alone on the same frames, and with the way to the receiver. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Measurement, Options, Side } from '../suite.mts';
import { example } from './examples.mts';
import { Receiver } from './receiver.mts';
import type { Workload } from './workload.mts';

export const ZSTD = 'zstd alone';
export const ZSTD_AND_WAY = 'zstd, disk and wire alone';

const exec = promisify(execFile);

/** @param compression a setting, or the name of a way of `native/core/src/ways.rs` */
export async function zstdAlone(
  workload: Workload,
  { quick }: Options,
  compression = 'auto',
  name = ZSTD,
): Promise<Side> {
  const program = await example('limits');
  const measure = async (): Promise<Measurement> => {
    const args = limitsOf(workload, compression, quick ? 0.5 : 2);
    const cores = cpus().length;
    const [one, all] = [await limit(program, [...args, 1]), await limit(program, [...args, cores])];
    return {
      figures: {
        ...figures(one, workload),
        // One thread times cores, and as many threads as cores side by side: they share caches and memory.
        frames_per_s: one.frames_per_s * cores,
        side_by_side_frames_per_s: all.frames_per_s,
      },
    };
  };
  return { name, measure };
}

/**
 * zstd, and what keeping a chunk on disk until it is delivered costs by itself: written, synced, read, sent.
 *
 * @param copied each frame is copied before, as whoever reads a picture from a file must
 */
export async function zstdAndWay(
  workload: Workload,
  { quick }: Options,
  { name = ZSTD_AND_WAY, copied = false } = {},
): Promise<Side> {
  const program = await example('limits');
  const measure = async (): Promise<Measurement> => {
    const folder = await mkdtemp(join(tmpdir(), 'bench-limits-'));
    const receiver = await Receiver.start(workload);
    try {
      const { host } = new URL(receiver.url);
      // Twice as many threads as cores: while one waits for the disk another works.
      const args = [...limitsOf(workload, 'auto', quick ? 0.5 : 4), 2 * cpus().length];
      args.push(workload.chunkSize, folder, host, ...(copied ? ['copied'] : []));
      return { figures: figures(await limit(program, args), workload) };
    } finally {
      await receiver.close();
      await rm(folder, { recursive: true, force: true });
    }
  };
  return { name, measure };
}

const limitsOf = ({ file, width, height }: Workload, compression: string, seconds: number) => [
  file,
  width * height,
  width,
  compression,
  seconds,
];

/** What the program prints. */
interface Told {
  readonly frames_per_s: number;
  /** null where the system does not tell a thread's processor time. */
  readonly cpu_ms_per_frame: number | null;
  readonly bytes_per_frame: number;
}

async function limit(program: string, args: readonly (string | number)[]): Promise<Told> {
  return JSON.parse((await exec(program, args.map(String))).stdout);
}

function figures({ frames_per_s, cpu_ms_per_frame, bytes_per_frame }: Told, { chunkSize }: Workload) {
  const cpu = cpu_ms_per_frame ?? 1000 / frames_per_s;
  return {
    frames_per_s,
    cpu_ms_per_frame: cpu,
    cpu_s_per_chunk: (cpu * chunkSize) / 1000,
    bytes_per_frame,
    cores: cpus().length,
  };
}
