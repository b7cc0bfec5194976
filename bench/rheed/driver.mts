/**
 * A program of ours that streams a workload, as `side.mts` runs it:
 *
 *     PROGRAM WORKLOAD.json ENDPOINT -> "ready", then after a line on stdin one line of JSON
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Workload } from './workload.mts';

export interface Task {
  readonly workload: Workload;
  readonly options: {
    readonly apiKey: string;
    readonly endpoint: string;
    readonly spoolDir: string;
    readonly clockSync: false;
  };
}

/** What is timed: `push` until the last push has returned, `finalize` until all is confirmed. */
export interface Drive {
  push(): Promise<void>;
  finalize(): Promise<unknown>;
}

/** @param prepare loads what is sent, and opens the stream, before the clock starts */
export async function drive(prepare: (task: Task) => Promise<Drive>): Promise<never> {
  const [workloadFile = '', endpoint = ''] = process.argv.slice(2);
  const workload = JSON.parse(readFileSync(workloadFile, 'utf8')) as Workload;
  // Where the official client has its own, which `side.mts` gives a home for each run.
  const spoolDir = mkdtempSync(join(process.env.HOME ?? tmpdir(), 'spool-'));
  const options = { apiKey: 'ours', endpoint, spoolDir, clockSync: false } as const;
  const { push, finalize } = await prepare({ workload, options });
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  // What loading has left behind is no part of the idle process.
  global.gc?.();
  console.log('ready');
  await lines.next();

  const [began, before] = [performance.now(), process.cpuUsage()];
  await push();
  const pushed = (performance.now() - began) / 1000;
  await finalize();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ seconds, pushed, cpu: (user + system) / 1e6 }));
  // The process is looked at from outside before it goes.
  await lines.next();
  process.exit();
}
