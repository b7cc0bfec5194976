import { mulberry32 } from './camera.mts';
import type { Publish } from './camera-feed.mts';
import { pace } from './pacer.mts';

/**
 * A simulated growth chamber: substrate heater under a PID controller, vacuum gauge, source. `step` advances
 * it in time; what it shows is in the units of such instruments.
 */
export interface FurnaceState {
  /** Substrate, °C. */
  readonly temperature: number;
  readonly setpoint: number;
  /** Heater, W. */
  readonly power: number;
  /** Chamber, mbar. */
  readonly pressure: number;
  /** Deposition rate, monolayers a second. */
  readonly rate: number;
  /** Sum of the controller's error, K·s. */
  readonly integral: number;
}

const IDLE_C = 550;
const GROWTH_C = 620;
const RAMP_K_PER_S = 2.5;
const BASE_MBAR = 4e-10;
const GROWTH_MBAR = 2.6e-8;
const GROWTH_RATE = 1 / 2.6;
const ROOM_C = 25;
/** W/K that the substrate loses, and J/K that it stores. */
const LOSS = 0.32;
const HEAT = 4.5;
const MOST_W = 400;

export const coldFurnace: FurnaceState = {
  temperature: IDLE_C,
  setpoint: IDLE_C,
  power: LOSS * (IDLE_C - ROOM_C),
  pressure: BASE_MBAR,
  rate: 0,
  integral: (LOSS * (IDLE_C - ROOM_C)) / 1.1,
};

/** The chamber `dt` seconds later, with the shutter open or not. */
export function step(state: FurnaceState, growing: boolean, dt: number): FurnaceState {
  const target = growing ? GROWTH_C : IDLE_C;
  const toward = Math.sign(target - state.setpoint) * RAMP_K_PER_S * dt;
  const setpoint = Math.abs(target - state.setpoint) <= Math.abs(toward) ? target : state.setpoint + toward;
  const error = setpoint - state.temperature;
  const wanted = 9 * error + 1.1 * state.integral;
  const power = Math.max(0, Math.min(MOST_W, wanted));
  // The sum stands still while the heater is at its end, so that it does not overshoot.
  const integral = power === wanted ? state.integral + error * dt : state.integral;
  const temperature = state.temperature + ((power - LOSS * (state.temperature - ROOM_C)) / HEAT) * dt;
  const approach = (from: number, to: number, seconds: number) =>
    from + (to - from) * (1 - Math.exp(-dt / seconds));
  return {
    temperature,
    setpoint,
    power,
    integral,
    pressure: Math.exp(
      approach(Math.log(state.pressure), Math.log(growing ? GROWTH_MBAR : BASE_MBAR), growing ? 1.5 : 8),
    ),
    rate: approach(state.rate, growing ? GROWTH_RATE : 0, 0.4),
  };
}

export interface FurnaceFeed {
  grow(growing: boolean): void;
  readonly counts: { sent: number; skipped: number };
  close(): void;
}

/**
 * Publishes `furnace/temperature` (°C as text, 2 Hz), `furnace/vacuum` ({pressure, unit}, 1 Hz),
 * `furnace/source` ({rate, shutter}, 5 Hz) and `furnace/heater` ({power, setpoint}, 1 Hz).
 */
export function startFurnace(options: { publish: Publish; seed?: number }): FurnaceFeed {
  const random = mulberry32(options.seed ?? 11);
  const noise = () => (random() + random() + random() + random() - 2) * Math.sqrt(3);
  const counts = { sent: 0, skipped: 0 };
  let state = coldFurnace;
  let growing = false;

  const send = (name: string, payload: string) => {
    options.publish(`furnace/${name}`, payload).then(
      () => counts.sent++,
      () => counts.skipped++,
    );
  };
  const stop = pace(10, (n) => {
    state = step(state, growing, 0.1);
    if (n % 5 === 0) {
      send('temperature', (state.temperature + 0.15 * noise()).toFixed(2));
    }
    if (n % 10 === 3) {
      const pressure = state.pressure * Math.exp(0.03 * noise());
      send('vacuum', JSON.stringify({ pressure: Number(pressure.toExponential(3)), unit: 'mbar' }));
    }
    if (n % 10 === 6) {
      const power = state.power + 0.4 * noise();
      send(
        'heater',
        JSON.stringify({ power: Number(power.toFixed(1)), setpoint: Number(state.setpoint.toFixed(1)) }),
      );
    }
    if (n % 2 === 0) {
      const rate = Math.max(0, state.rate * (1 + 0.015 * noise()) + 0.001 * noise());
      send('source', JSON.stringify({ rate: Number(rate.toFixed(4)), shutter: growing ? 'open' : 'closed' }));
    }
  });

  return {
    counts,
    grow(on) {
      growing = on;
    },
    close: stop,
  };
}
