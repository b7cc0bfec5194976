import { readFileSync, writeFileSync } from 'node:fs';
import type { Curve } from './suite.mts';

const INTERVAL_MS = 100;
/** Clock ticks a second in /proc/PID/stat: 100 on every Linux that Node runs on. */
const TICKS = 100;
const MB = 2 ** 20;

/**
 * Watches another process from outside, all kinds of process alike: resident memory and processor time, ten times a
 * second. Linux has it in /proc; elsewhere there are no curves, and memory is NaN.
 */
export class ProcessWatch {
  readonly #pid: number;
  readonly #began = performance.now();
  readonly #before: number;
  readonly #memory: [number, number][] = [];
  readonly #cpu: [number, number][] = [];
  readonly #timer: NodeJS.Timeout;
  #ticks: number;

  constructor(pid: number) {
    this.#pid = pid;
    try {
      // From here on VmHWM is the largest since now.
      writeFileSync(`/proc/${pid}/clear_refs`, '5');
    } catch {
      // Not Linux, or another user's process: then it is the largest ever.
    }
    this.#before = residentMb(pid, 'VmRSS');
    this.#ticks = cpuTicks(pid);
    this.#timer = setInterval(() => this.#sample(), INTERVAL_MS);
  }

  #sample(): void {
    const seconds = (performance.now() - this.#began) / 1000;
    const memory = residentMb(this.#pid, 'VmRSS');
    const ticks = cpuTicks(this.#pid);
    if (Number.isNaN(memory) || Number.isNaN(ticks)) return;
    const since = seconds - (this.#cpu.at(-1)?.[0] ?? 0);
    this.#memory.push([seconds, memory - this.#before]);
    this.#cpu.push([seconds, (ticks - this.#ticks) / TICKS / since]);
    this.#ticks = ticks;
  }

  /** MB resident at the start, MB over it at the most, and both over time. Call it while the process still lives. */
  end(): { before: number; growth: number; curves: Record<string, Curve> } {
    clearInterval(this.#timer);
    const growth = residentMb(this.#pid, 'VmHWM') - this.#before;
    const curves: Record<string, Curve> = {};
    if (this.#memory.length > 0) {
      curves.memory = { title: 'Memory over the idle process', unit: 'MB', points: this.#memory };
      curves.cpu = { title: 'Processor', unit: 'cores', points: this.#cpu };
    }
    return { before: this.#before, growth, curves };
  }
}

/** MB of VmRSS (now) or VmHWM (at the most); NaN where /proc does not tell. */
export function residentMb(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kb] = new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(proc(pid, 'status')) ?? [];
  return (Number(kb ?? Number.NaN) * 1024) / MB;
}

/** User and system time of all threads of a process; NaN where /proc does not tell. */
export const cpuSeconds = (pid: number): number => cpuTicks(pid) / TICKS;

function cpuTicks(pid: number): number {
  // The name, in parentheses, may hold anything; the 14th and 15th field follow it.
  const fields = proc(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
  return Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN);
}

function proc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
