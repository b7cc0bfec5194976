import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from './errors.js';

/**
 * Milliseconds to wait before the next try: full jitter under 0.5 s doubling to 30 s, never sooner than the
 * service asked.
 *
 * @param failures consecutive failures so far, at least 1
 */
export function backoff(failures: number, error?: unknown, random: () => number = Math.random): number {
  const ceiling = Math.min(30_000, 500 * 2 ** Math.min(failures - 1, 16));
  const asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1000 : 0;
  return Math.max(random() * ceiling, asked);
}

/** Waits; ends early without an error when `signal` is aborted. */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
