/** A program that streams a workload, measured: in a fresh process, into a fresh receiver. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { python } from '../../test/helpers/python.mts';
import { cpuSeconds, ProcessWatch } from '../process-watch.mts';
import type { Curve, Measurement, Side } from '../suite.mts';
import { type Received, Receiver } from './receiver.mts';
import type { Workload } from './workload.mts';

/** What a program tells of itself. */
interface Told {
  /** From the first push to the end of finalize. */
  readonly seconds: number;
  /** From the first push to the return of the last. */
  readonly pushed: number;
  /** Seconds, user and system, of all its threads. */
  readonly cpu: number;
}

export const OURS = 'this project';
export const OFFICIAL = 'official client';

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** By the library, chunk by chunk, as the official client takes them. */
export const ours = (workload: Workload): Side => node('ours.mts', workload, OURS);

/** One frame or image a message, as Node-RED brings them. */
export const oursByMessages = (workload: Workload, name: string): Side =>
  node('ours-messages.mts', workload, name);

function node(file: string, workload: Workload, name: string): Side {
  const command = [process.execPath, '--expose-gc', program(file)];
  return { name, measure: () => measureProgram(command, workload) };
}

/** Nothing where Python cannot be had. */
export async function official(workload: Workload, name = OFFICIAL): Promise<Side[]> {
  const found = await python();
  if ('skip' in found) return [];
  const command = [found.path, program('official.py')];
  return [{ name, measure: () => measureProgram(command, workload) }];
}

async function measureProgram([file = '', ...args]: string[], workload: Workload): Promise<Measurement> {
  const home = await mkdtemp(join(tmpdir(), 'bench-'));
  const receiver = await Receiver.start(workload);
  try {
    await writeFile(join(home, 'workload.json'), JSON.stringify(workload));
    // Its own home: both keep their spools there, and what earlier runs have left is not found.
    const child = spawn(file, [...args, join(home, 'workload.json'), receiver.url], {
      env: { ...process.env, HOME: home, USERPROFILE: home, ATOMSCALE_SKIP_CLOCK_SYNC: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const line = async (): Promise<string> => {
      const { value } = await lines.next();
      if (value === undefined)
        throw new Error(`${args[0]} ended before it was done; its last words are above`);
      return value;
    };
    try {
      for (let said = ''; said !== 'ready'; ) said = await line();
      const cpuBefore = cpuSeconds(receiver.pid);
      const [watch, began] = [new ProcessWatch(child.pid as number), Date.now()];
      child.stdin.write('go\n');
      let said = await line();
      while (!said.startsWith('{')) said = await line();
      const memory = watch.end();
      const receiverCpu = cpuSeconds(receiver.pid) - cpuBefore;
      child.stdin.end();
      return measurement(JSON.parse(said) as Told, memory, receiverCpu, await receiver.verify(), {
        workload,
        began,
      });
    } finally {
      child.kill();
    }
  } finally {
    await receiver.close();
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

function measurement(
  { seconds, pushed, cpu }: Told,
  memory: ReturnType<ProcessWatch['end']>,
  receiverCpu: number,
  received: Received,
  { workload, began }: { workload: Workload; began: number },
): Measurement {
  const { bytes, frames, pixels, arrivals } = received;
  const { chunkSize, chunks } = workload;
  const confirmed: Curve = {
    title: 'Frames that the server has',
    unit: 'frames',
    points: [[0, 0], ...arrivals.map((at, i) => [(at - began) / 1000, (i + 1) * chunkSize] as const)],
  };
  return {
    figures: {
      frames_per_s: frames / seconds,
      cpu_s_per_chunk: cpu / chunks,
      cpu_ms_per_frame: (cpu / frames) * 1000,
      cores_used: cpu / seconds,
      memory_mb: memory.growth,
      bytes_per_frame: bytes / frames,
      pushed_s: pushed,
      seconds,
      bytes,
      receiver_cpu_ms_per_frame: (receiverCpu / frames) * 1000,
      cores: cpus().length,
    },
    curves: { ...memory.curves, frames: confirmed },
    delivered: { frames, pixels, of: basename(dirname(workload.file)) },
  };
}
