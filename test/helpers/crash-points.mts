/** Which operations of a life are tried, in all or as a sample; two lives at a time. */
import assert from 'node:assert/strict';
import type { StreamKind } from '../../dist/uploader/types.js';
import { CrashBench, type CrashPoint, HOWS, isPromise, type Operation } from './crash-bench.mts';
import { DISKS, type Disk } from './power-cut.mts';

const LANES = 2;

/**
 * Every point of a kind's life: every operation, in every way that concerns it.
 *
 * @param row how many operations fail in a row; a disk that fails for long makes a life of many tries
 */
function everyPoint(kind: StreamKind, trace: readonly object[], row: number): CrashPoint[] {
  const operations = trace.filter((line): line is Operation => !isPromise(line));
  return operations.flatMap(({ n, op }) =>
    HOWS.filter((how) => how !== 'half' || op === 'write').map((how) => ({
      kind,
      how,
      at: n,
      until: how === 'EIO' || how === 'ENOSPC' ? n + row - 1 : n,
    })),
  );
}

/** A power cut at every operation, each with all disks that it may leave. */
export function everyPowerCut(points: readonly CrashPoint[]): CrashPoint[] {
  const ends = points.filter(({ how }) => how === 'before');
  return ends.flatMap((point) => DISKS.map((disk) => ({ ...point, disk })));
}

/** `count` of a list, evenly spread, the first by the seed. */
export function sample<T>(list: readonly T[], count: number, seed: number): T[] {
  const step = Math.max(1, list.length / count);
  const first = seed % Math.ceil(step);
  const taken: T[] = [];
  for (let at = first; at < list.length; at += step) taken.push(list[Math.floor(at)] as T);
  return taken;
}

/** The point that a failed run named (`CRASH_POINT`), or those of the kind that `choose` picks of all. */
export async function checkPoints(
  kind: StreamKind,
  row: number,
  choose: (all: CrashPoint[]) => CrashPoint[],
): Promise<{ operations: number; checked: number }> {
  const benches = await Promise.all(Array.from({ length: LANES }, () => CrashBench.make()));
  try {
    const trace = await (benches[0] as CrashBench).trace(kind);
    const named = process.env.CRASH_POINT?.split(':');
    const points = named === undefined ? choose(everyPoint(kind, trace, row)) : [pointOf(named)];
    const waiting = points.filter((point) => point.kind === kind);
    const failures: string[] = [];
    await Promise.all(
      benches.map(async (bench) => {
        for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) {
          await bench
            .check(point)
            .catch((error: Error) => failures.push(`${replay(point)}\n${error.message}`));
        }
      }),
    );
    assert.equal(
      failures.length,
      0,
      `${failures.length} of ${points.length}:\n${failures.slice(0, 5).join('\n')}`,
    );
    return { operations: trace.filter((line) => !isPromise(line)).length, checked: points.length };
  } finally {
    await Promise.all(benches.map((bench) => bench.end()));
  }
}

const replay = ({ kind, how, at, until, disk }: CrashPoint) =>
  `replay: CRASH_POINT=${kind}:${how}:${at}:${until}${disk === undefined ? '' : `:${disk}`} npm test -- crash-points`;

function pointOf([kind, how, at, until, disk]: string[]): CrashPoint {
  const point = {
    kind: kind as StreamKind,
    how: how as CrashPoint['how'],
    at: Number(at),
    until: Number(until),
  };
  return disk === undefined ? point : { ...point, disk: disk as Disk };
}
