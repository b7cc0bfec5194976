/** Calls `tick(n)` for n = 0, 1, … at `rate` a second by one schedule, so that late timers never add up. */

/** A pause longer than this (the machine slept, the process stood still) is left out, not made up for. */
const LONGEST_CATCH_UP_MS = 500;

/** Returns what stops it. */
export function pace(rate: number, tick: (n: number) => void): () => void {
  const period = 1000 / rate;
  let origin = performance.now();
  let n = 0;
  let timer: NodeJS.Timeout;
  let stopped = false;
  const run = () => {
    const now = performance.now();
    if (now - (origin + n * period) > LONGEST_CATCH_UP_MS) {
      origin = now - n * period;
    }
    while (!stopped && origin + n * period <= now) {
      tick(n++);
    }
    if (stopped) return;
    timer = setTimeout(run, Math.max(0, origin + n * period - performance.now()));
  };
  run();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
