/** What became of numbered messages: noted by `torture-extension.mts` as they ended, compared with what arrived. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Sandbox } from '../../sandbox/server.mts';
import { framesIn, readingsIn } from './hashed.mts';

/** What became of one node's messages. */
export interface Fate {
  readonly node: string;
  readonly confirmed: number;
  /** How often a message ended in each error. */
  readonly refused: Readonly<Record<string, number>>;
  readonly arrived: number;
  /** Confirmed numbers that did not arrive, as ranges. */
  readonly lost: readonly string[];
  /** What arrived and is not greater than what arrived before it: twice, or out of order. */
  readonly disordered: readonly number[];
  /** How much arrived that is not what was sent. */
  readonly damaged: number;
}

/**
 * The numbers in all streams of a name, stream by stream: the service may have created a later one before an earlier
 * one.
 *
 * @param camera its number, for frames
 */
export async function arrivedIn(sandbox: Sandbox, streamName: string, camera = 0): Promise<number[]> {
  const streams: number[][] = [];
  for (const { data_id, kind, name } of sandbox.streams()) {
    if (name !== streamName) continue;
    if (kind === 'timeseries') {
      streams.push(readingsIn(await sandbox.readPoints(data_id)));
      continue;
    }
    const numbers: number[] = [];
    for (const { index } of sandbox.stream(data_id)?.chunks ?? [])
      numbers.push(...framesIn(camera, await sandbox.readFrames(data_id, index)));
    streams.push(numbers);
  }
  const first = ([number = 0]: number[]): number => number;
  return streams.sort((one, other) => first(one) - first(other)).flat();
}

/** @param notes the file of the extension's notes */
export async function fateOf(node: string, notes: string, arrived: readonly number[]): Promise<Fate> {
  const confirmed: number[] = [];
  const refused: Record<string, number> = {};
  for (const line of (await readFile(notes, 'utf8')).split('\n').slice(0, -1)) {
    const [of, number, end = ''] = line.split(' ');
    if (of !== node) continue;
    if (end === 'ok') confirmed.push(Number(number));
    else refused[end] = (refused[end] ?? 0) + 1;
  }
  const there = new Set(arrived);
  const whole = arrived.filter((number) => !Number.isNaN(number));
  return {
    node,
    confirmed: confirmed.length,
    refused,
    arrived: arrived.length,
    lost: rangesOf(confirmed.filter((number) => !there.has(number))),
    disordered: whole.filter((number, at) => at > 0 && number <= (whole[at - 1] as number)),
    damaged: arrived.length - whole.length,
  };
}

function rangesOf(numbers: readonly number[]): string[] {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map((range) => range.join('–'));
}

/** What was confirmed arrived once, whole and in order; the rest at most once. */
export function assertWhole(fates: readonly Fate[], hint = ''): void {
  for (const { node, confirmed, lost, disordered, damaged } of fates) {
    assert.ok(confirmed > 0, `${node}: nothing was confirmed ${hint}`);
    assert.deepEqual(
      { node, lost, disordered, damaged },
      { node, lost: [], disordered: [], damaged: 0 },
      hint || undefined,
    );
  }
}
