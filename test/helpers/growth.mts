/** What a Node-RED holds on to: measured before and after something is done many times. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { flowOf, type NodesBench, RHEED, SERIES } from './nodes-bench.mts';

export interface Holdings {
  /** Bytes after a garbage collection. */
  readonly heap: number;
  readonly rss: number;
  /** Handles and timers. */
  readonly handles: number;
  /** Undefined where there is no /proc. */
  readonly threads: number | undefined;
  readonly openFiles: number | undefined;
  readonly spoolFiles: number;
}

async function count(folder: string, recursive = false): Promise<number | undefined> {
  return readdir(folder, { recursive }).then(
    ({ length }) => length,
    () => undefined,
  );
}

async function holdings({ red }: NodesBench): Promise<Holdings> {
  const { memory, resources } = await red.probe();
  return {
    heap: memory.heapUsed + memory.external,
    rss: memory.rss,
    handles: Object.values(resources).reduce((sum, many) => sum + many, 0),
    threads: await count(`/proc/${red.pid}/task`),
    openFiles: await count(`/proc/${red.pid}/fd`),
    spoolFiles: (await count(path.join(red.userDir, 'atomscale-spool'), true)) ?? 0,
  };
}

/** More of each than before. Negative: less. */
export type Growth = { readonly [what in keyof Holdings]: number };

/**
 * How much more is held after `rounds` more rounds. A handle or file left behind a round would be `rounds` of them;
 * what is only on its way out (a connection, an old flow) is given time.
 */
export async function growthOver(
  bench: NodesBench,
  round: (number: number) => Promise<void>,
  rounds: number,
  looks = 10,
): Promise<Growth> {
  const warm = Math.ceil(rounds / 3);
  for (let number = 0; number < warm; number += 1) await round(number);
  await sleep(1500);
  const before = await holdings(bench);
  for (let number = 0; number < rounds; number += 1) await round(warm + number);
  let growth = difference(before, await holdings(bench));
  for (let look = 0; look < looks && faultsOf(growth, rounds).length > 0; look += 1) {
    await sleep(2000);
    growth = difference(before, await holdings(bench));
  }
  return growth;
}

function difference(before: Holdings, after: Holdings): Growth {
  const kinds = Object.keys(before) as (keyof Holdings)[];
  return Object.fromEntries(
    kinds.map((kind) => [kind, (after[kind] ?? 0) - (before[kind] ?? 0)]),
  ) as unknown as Growth;
}

/** What has grown with the number of rounds. */
export function faultsOf(growth: Growth, rounds: number): string[] {
  const few = Math.max(8, rounds / 4);
  const bounds: Growth = {
    // 20 kB a round, and what a heap wobbles by.
    heap: 4e6 + 20e3 * rounds,
    // A young process has not found its size yet.
    rss: 128 * 2 ** 20,
    handles: few,
    threads: 8,
    openFiles: few,
    spoolFiles: few,
  };
  return (Object.keys(bounds) as (keyof Growth)[])
    .filter((what) => growth[what] > bounds[what])
    .map((what) => `${what}: ${growth[what]} more after ${rounds} rounds, expected at most ${bounds[what]}`);
}

/** A full deploy, and a message to each node. */
export async function redeploy(bench: NodesBench, number: number): Promise<void> {
  const flow = flowOf(bench.sandbox.url, bench.options).map((node) =>
    node.type === 'rheed-stream' ? { ...node, name: `deploy ${number}` } : node,
  );
  await bench.red.deploy(flow, 'full');
  await bench.red.send(RHEED, { payload: Buffer.alloc(16, 3) });
  await bench.red.send(SERIES, { payload: number, topic: 'count' });
}

/** A stream of each kind opened, fed and ended; names of their own, as different growths have. */
export async function oneGrowth(bench: NodesBench, number: number): Promise<void> {
  const stream = `growth ${number}`;
  await bench.red.send(RHEED, { payload: Buffer.alloc(16, 3), stream });
  await bench.red.send(SERIES, { payload: number, topic: 'count', stream });
  for (const node of [RHEED, SERIES]) await bench.red.send(node, { action: 'finalize', stream });
  for (const port of ['rheed:1', 'series:1'] as const)
    await bench.red.waitFor(
      () => bench.out(port, 'finalized').some((out) => out.stream === stream),
      `${port} finalized ${stream}`,
    );
  bench.red.messages.length = 0;
}

export const figuresOf = ({ heap, rss, ...counts }: Growth): string => {
  const MB = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  return `heap ${MB(heap)}, rss ${MB(rss)}, ${Object.entries(counts)
    .map(([what, more]) => `${what} ${more}`)
    .join(', ')}`;
};
