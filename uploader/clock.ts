import type { ApiClient } from './api/client.js';
import { gatewayTime } from './api/time.js';
import type { Logger } from './log.js';

const BURST = 4;
const BURST_INTERVAL = 2_000;
const INTERVAL = 300_000;
const RETRY_INTERVAL = 30_000;
const KEPT_SAMPLES = 8;
/** A larger difference is stepped over, a smaller one slewed. */
const STEP = 1_000;
/** Milliseconds of correction per millisecond: 0.5 ms/s. */
const SLEW = 0.0005;

/** One NTP-style exchange: reference minus host clock, and how far it can be off (half the round trip). */
export interface ClockSample {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

/** The correction as it travels with a chunk: whole ms, uncertainty in ms. */
export type Correction = ClockSample;

export interface ClockStatus {
  readonly synced: boolean;
  readonly offset_ms: number | null;
  readonly uncertainty_ms: number | null;
  readonly samples: number;
  readonly last_sync: number | null;
}

/**
 * Offset and uncertainty from the four stamps of an exchange, all Unix ms.
 *
 * @param sent host clock at sending
 * @param received reference clock at receiving
 * @param transmitted reference clock at answering
 * @param returned host clock at the answer's arrival
 */
export function sampleOf(sent: number, received: number, transmitted: number, returned: number): ClockSample {
  const roundTrip = returned - sent - (transmitted - received);
  return {
    offsetMs: (received - sent + (transmitted - returned)) / 2,
    uncertaintyMs: Math.max(0, roundTrip / 2),
  };
}

/**
 * By how much the host's clock is ahead of its monotonic one, ms: it jumps when the clock is set or the host slept.
 * What is stamped keeps it, so that a correction measured later fits.
 */
export const hostClock = (): number => Date.now() - Number(process.hrtime.bigint() / 1000n) / 1000;

/** How far the host's clock was set between two of these; 0 for what is no more than a slow adjustment. */
export function jumpBetween(before: number, after: number): number {
  const jump = after - before;
  return Math.abs(jump) > STEP ? jump : 0;
}

/** Keeps track of the difference between the service's clock and this host's. */
export class Clock {
  readonly #api: ApiClient;
  readonly #log: Logger;
  readonly #enabled: boolean;
  #samples: ClockSample[] = [];
  #applied: { offsetMs: number; at: number } | undefined;
  #hostClock = hostClock();
  #lastSync: number | null = null;
  #exchanges = 0;
  /** When the last exchange failed, Unix ms; 0 when it succeeded. */
  #failedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #running: Promise<void> | undefined;

  /** The environment's ATOMSCALE_SKIP_CLOCK_SYNC turns it off, as in the official client. */
  constructor(api: ApiClient, log: Logger, enabled: boolean) {
    this.#api = api;
    this.#log = log;
    this.#enabled = enabled && !process.env.ATOMSCALE_SKIP_CLOCK_SYNC;
  }

  /**
   * Compares the clocks unless that was done; resolves after the exchange, answered or not. Whoever sends asks
   * before the first send, so that data of an offline start is corrected too.
   *
   * @param force even if an exchange has just failed: the service was heard in between
   */
  async compared(force = false): Promise<void> {
    this.#forgetIfClockWasSet();
    if (!this.#enabled || this.#stopped || this.#samples.length > 0) return;
    if (!force && Date.now() - this.#failedAt < BURST_INTERVAL) return;
    this.#running ??= this.#exchange().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  /** Once a second: after the host's clock was set the service's is asked again. */
  watch(): void {
    if (!this.#forgetIfClockWasSet()) return;
    this.#log.warn("the host's clock was set, or the host slept: it is compared again");
    void this.compared(true);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /**
   * The correction; undefined while the clock was never compared.
   *
   * @param stamped the host's clock (`hostClock`) when that was stamped which is corrected; by default the present one
   */
  correction(stamped?: number): Correction | undefined {
    const best = this.#best();
    if (best === undefined) return undefined;
    const jump = stamped === undefined ? 0 : jumpBetween(stamped, this.#hostClock);
    return {
      offsetMs: Math.round(this.#slewed(best) + jump),
      uncertaintyMs: Math.round(best.uncertaintyMs * 10) / 10,
    };
  }

  /**
   * The correction, or null when the clocks are not compared at all; undefined while the service is not reached: then
   * a later one is better.
   */
  fresh(stamped: number): Correction | null | undefined {
    if (!this.#enabled) return null;
    return this.#failedAt === 0 ? this.correction(stamped) : undefined;
  }

  status(): ClockStatus {
    const correction = this.correction();
    return {
      synced: correction !== undefined,
      offset_ms: correction?.offsetMs ?? null,
      uncertainty_ms: correction?.uncertaintyMs ?? null,
      samples: this.#samples.length,
      last_sync: this.#lastSync,
    };
  }

  /** The sample of the lowest delay is the truest. */
  #best(): ClockSample | undefined {
    return this.#samples.reduce<ClockSample | undefined>(
      (best, sample) => (best === undefined || sample.uncertaintyMs < best.uncertaintyMs ? sample : best),
      undefined,
    );
  }

  /** Moves the applied offset towards the best sample: at once over a step, else slowly. */
  #slewed(best: ClockSample): number {
    const now = performance.now();
    const applied = this.#applied;
    const distance = applied === undefined ? Number.POSITIVE_INFINITY : best.offsetMs - applied.offsetMs;
    const reach = applied === undefined ? 0 : (now - applied.at) * SLEW;
    const offsetMs =
      applied === undefined || Math.abs(distance) > STEP || Math.abs(distance) <= reach
        ? best.offsetMs
        : applied.offsetMs + Math.sign(distance) * reach;
    this.#applied = { offsetMs, at: now };
    return offsetMs;
  }

  async #exchange(): Promise<void> {
    this.#exchanges += 1;
    try {
      let [sent, from, before] = [Date.now(), performance.now(), hostClock()];
      const { receivedAtUnixMs, transmittedAtUnixMs } = await gatewayTime(this.#api, () => {
        [sent, from, before] = [Date.now(), performance.now(), hostClock()];
      });
      // The host clock may be set during the exchange; the monotonic one measures the round trip.
      const returned = sent + (performance.now() - from);
      this.#forgetIfClockWasSet();
      if (jumpBetween(before, this.#hostClock) !== 0) throw new Error("the host's clock was set meanwhile");
      this.#samples = [
        ...this.#samples,
        sampleOf(sent, receivedAtUnixMs, transmittedAtUnixMs, returned),
      ].slice(-KEPT_SAMPLES);
      this.#slewed(this.#best() as ClockSample);
      this.#lastSync = Date.now();
      this.#failedAt = 0;
    } catch (error) {
      if (this.#failedAt === 0 && !this.#stopped)
        this.#log.warn(`clock not compared: ${(error as Error).message}`);
      this.#failedAt = Date.now();
    }
    if (this.#stopped) return;
    const wait = this.#exchanges < BURST ? BURST_INTERVAL : INTERVAL;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#exchange(), this.#failedAt === 0 ? wait : RETRY_INTERVAL);
    this.#timer.unref();
  }

  /** A lab PC that sets its clock makes what was measured before worthless. */
  #forgetIfClockWasSet(): boolean {
    const before = this.#hostClock;
    this.#hostClock = hostClock();
    if (jumpBetween(before, this.#hostClock) === 0) return false;
    this.#samples = [];
    this.#applied = undefined;
    return true;
  }
}
