/** A spool full of chunks: how it is made, found at start, and drained over a slow link. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, link, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeUserDir } from '../../test/helpers/node-red.mts';
import type { Measurement } from '../suite.mts';
import type { Result, Task } from './extension.mts';
import { withNodeRed } from './node-red.mts';
import { Receiver } from './receiver.mts';
import type { Sample } from './watch.mts';

/** Frames of the backlog: small, so that 10,000 chunks are no more than a gigabyte. */
export const BACKLOG = { side: 160, fps: 4, framesPerChunk: 8 } as const;
/** 100 Mbit/s. */
const LINK = { bytesPerSecond: 12.5e6, latency: 5 } as const;

const run = promisify(execFile);
const program = (name: string): string => new URL(name, import.meta.url).pathname;

/** Makes the backlog where a sync costs nothing, then puts it on the disk. Resolves to its folder. */
export async function makeBacklog(chunks: number): Promise<string> {
  const fast = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const [made, spool] = [await mkdtemp(join(fast, 'backlog-')), await mkdtemp(join(tmpdir(), 'backlog-'))];
  try {
    await run(process.execPath, [program('fill-spool.mts'), made, String(chunks)]);
    await cp(made, spool, { recursive: true });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return spool;
}

export async function scan(spool: string, chunks: number): Promise<Measurement> {
  const { stdout } = await run(process.execPath, ['--expose-gc', program('scan-spool.mts'), spool]);
  const { seconds, cpu, pending, heap } = JSON.parse(stdout) as Record<string, number>;
  if (pending !== chunks) throw new Error(`expected ${chunks} chunks to be found, got ${pending}`);
  return {
    figures: {
      chunks,
      scan_s: seconds,
      start_cpu_ms_per_chunk: ((cpu ?? Number.NaN) / chunks) * 1000,
      heap_bytes_per_chunk: heap,
    } as Measurement['figures'],
  };
}

/** Node-RED finds the backlog at its start and drains it; from the first to the last chunk at the service. */
export async function drain(spool: string, chunks: number, version: 4 | 5): Promise<Measurement> {
  const receiver = await Receiver.start(LINK);
  const userDir = await makeUserDir();
  await linkAll(spool, join(userDir, 'atomscale-spool'));
  const nodes = [{ id: 'camera', type: 'rheed-stream', fps: BACKLOG.fps, chunkSize: BACKLOG.framesPerChunk }];
  try {
    return await withNodeRed({ version, endpoint: receiver.url, nodes, userDir }, async (red, run) => {
      await red.send('camera', { action: 'finalize' });
      // What is loaded and allocated at the first chunks belongs to the process at work.
      await receiver.chunks(chunks / 20, 120_000);
      const { samples, cpu, value } = await watchedUntil(receiver.ended(1, 600_000), run);
      const { streams } = value;
      const [{ first, last, bytes } = { first: 0, last: 0, bytes: 0 }] = streams;
      const [frames] = await receiver.frames(BACKLOG.side, BACKLOG.side);
      if (frames !== chunks * BACKLOG.framesPerChunk) throw new Error(`expected all frames, got ${frames}`);
      const seconds = (last - first) / 1000;
      const [before] = samples;
      const most = Math.max(...samples.map(({ memory_mb }) => memory_mb));
      const watched = (chunks * 19) / 20;
      return {
        figures: {
          chunks,
          link_percent: (bytes / seconds / LINK.bytesPerSecond) * 100,
          chunks_per_s: chunks / seconds,
          cpu_ms_per_chunk: (cpu / watched) * 1000,
          memory_mb: most - (before?.memory_mb ?? Number.NaN),
          bytes,
          seconds,
        },
        curves: {
          memory: {
            title: 'Memory over the start of the draining',
            unit: 'MB',
            points: samples.map(
              ({ seconds, memory_mb }) => [seconds, memory_mb - (before?.memory_mb ?? 0)] as const,
            ),
          },
        },
      };
    });
  } finally {
    await receiver.close();
  }
}

/** Looks at Node-RED, again and again, until that has happened; one look goes on where the one before ended. */
async function watchedUntil<T>(
  happens: Promise<T>,
  run: (task: Task) => Promise<Result>,
): Promise<{ samples: Sample[]; cpu: number; value: T }> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  happens.then(over, over);
  const samples: Sample[] = [];
  let [cpu, since] = [0, 0];
  while (!isOver) {
    const look = await run({ kind: 'beside', seconds: 5, interval: 1000 });
    for (const sample of look.samples) samples.push({ ...sample, seconds: since + sample.seconds });
    since += look.seconds;
    cpu += look.cpu;
  }
  return { samples, cpu, value: await happens };
}

/** Chunks are only read, replaced or removed: a copy shares them. What is written in place is copied. */
async function linkAll(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkAll(source, target);
    else if (/\.(json|shard)$/.test(entry.name) && entry.name !== 'owner.json') await link(source, target);
    else await cp(source, target);
  }
}
