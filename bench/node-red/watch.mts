/** Looks at the process it runs in while something is done. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';

/** Once an interval. */
export interface Sample {
  /** Since the beginning, at the interval's end. */
  readonly seconds: number;
  /** Resident, at the interval's end. */
  readonly memory_mb: number;
  /** Of it V8's young generation: V8 enlarges that in steps by what has survived in it since the last step. */
  readonly young_mb: number;
  /** Event-loop delay within the interval, 99th percentile. */
  readonly delay_ms: number;
}

export interface Watched {
  readonly seconds: number;
  /** Seconds of the processor, user and system, of all threads. */
  readonly cpu: number;
  /** Resident at the most. */
  readonly memory_mb: number;
  /** V8's young generation, at the end. */
  readonly young_mb: number;
  /** Event-loop delay, 99th percentile and the longest. */
  readonly delay_ms: number;
  readonly longest_ms: number;
  readonly samples: readonly Sample[];
}

/** Memory is looked at this often, ms. */
const LOOK = 250;
const MB = 2 ** 20;

/** @param interval of the samples, ms */
export async function watched<T>(interval: number, work: () => Promise<T>): Promise<T & Watched> {
  const [whole, part] = [monitorEventLoopDelay({ resolution: 1 }), monitorEventLoopDelay({ resolution: 1 })];
  const samples: Sample[] = [];
  let rss = 0;
  let due = interval;
  const began = performance.now();
  const since = (): number => performance.now() - began;
  const timer = setInterval(() => {
    const now = process.memoryUsage.rss();
    rss = Math.max(rss, now);
    if (since() < due) return;
    due += interval;
    const delay_ms = part.percentile(99) / 1e6;
    part.reset();
    samples.push({ seconds: since() / 1000, memory_mb: now / MB, young_mb: youngMb(), delay_ms });
  }, LOOK);
  const cpu = process.cpuUsage();
  whole.enable();
  part.enable();
  try {
    const result = await work();
    const { user, system } = process.cpuUsage(cpu);
    return {
      ...result,
      seconds: since() / 1000,
      cpu: (user + system) / 1e6,
      memory_mb: Math.max(rss, process.memoryUsage.rss()) / MB,
      young_mb: youngMb(),
      delay_ms: whole.percentile(99) / 1e6,
      longest_ms: whole.max / 1e6,
      samples,
    };
  } finally {
    clearInterval(timer);
    whole.disable();
    part.disable();
  }
}

function youngMb(): number {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  return (young?.physical_space_size ?? 0) / MB;
}
