/** A camera at full rate and a sensor while the service is not well. */
import type { RheedStream } from '../../dist/uploader/rheed.js';
import type { TimeseriesStream } from '../../dist/uploader/timeseries.js';
import type { Report } from '../../dist/uploader/types.js';
import type { Uploader } from '../../dist/uploader/uploader.js';
import { type FaultName, type FaultOptions, type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { Bench, batch, Ears, numbersIn, range, until } from './uploader.mts';

const FPS = 120;
/** Frames a message, as a camera on a busy machine hands them over. */
const AT_ONCE = 4;
const SETTINGS = { fps: FPS, chunkSize: 2 * FPS, streamName: 'camera' };
const START = 1_700_000_000;

export const FAULT_OPTIONS: Partial<Record<FaultName, FaultOptions>> = {
  '429': { retryAfter: 1 },
  slow: { delayMs: 400 },
};

export interface FaultLoad {
  readonly name: FaultName;
  readonly options?: FaultOptions;
  readonly seconds: number;
  /** Milliseconds between flushes: short runs too are to have chunks enough. */
  readonly flushEvery?: number;
  /** Seconds between early sends of readings, 0 = none: one that got no answer holds up the end by a minute. */
  readonly flushInterval: number;
}

export interface FaultOutcome {
  readonly pushed: number;
  /** Numbers of the frames and of the readings, in the order of the stored chunks. */
  readonly frames: number[];
  readonly readings: number[];
  readonly reports: Report[];
  readonly complaints: string[];
  /** Requests that the fault struck. */
  readonly struck: number;
  /** Chunks that waited when the fault ended, and seconds until none did. */
  readonly backlog: number;
  readonly drained: number;
}

export async function underFault(load: FaultLoad): Promise<FaultOutcome> {
  const bench = await Bench.make();
  const sandbox = await startSandbox();
  try {
    return await new Run(bench, sandbox, load).outcome();
  } finally {
    await bench.end();
    await sandbox.close();
  }
}

class Run {
  readonly #bench: Bench;
  readonly #sandbox: Sandbox;
  readonly #load: FaultLoad;

  constructor(bench: Bench, sandbox: Sandbox, load: FaultLoad) {
    this.#bench = bench;
    this.#sandbox = sandbox;
    this.#load = load;
  }

  async outcome(): Promise<FaultOutcome> {
    const { name, options = {}, flushInterval } = this.#load;
    const sandbox = this.#sandbox;
    let uploader = await this.#bench.acquire({ endpoint: sandbox.url });
    let camera = await uploader.startRheed({ node: 'camera', stream: '' }, SETTINGS, {});
    let sensor = await uploader.startTimeseries(
      { node: 'sensor', stream: '' },
      { pointsPerChunk: 30, flushInterval },
      {},
    );
    await until(() => camera.dataId && sensor.dataId, 'both streams');
    sandbox.faults.set(name, options);
    const pushed = await this.#feed(camera, sensor);
    const struck = sandbox.requests.filter(({ fault }) => fault === name).length;
    const backlog = camera.status().chunks_pending + sensor.status().chunks_pending;
    sandbox.faults.clear();
    const began = performance.now();
    if (uploader.paused !== undefined) {
      // The person sets the key again: no minute passes until the next try.
      await this.#bench.release(uploader);
      uploader = await this.#bench.acquire({ endpoint: sandbox.url, apiKey: 'another' });
      [camera, sensor] = found(uploader);
    }
    const ears = [new Ears(camera), new Ears(sensor)];
    await Promise.all([camera.finalize(), sensor.finalize()]);
    const reports: Report[] = [];
    for (const { streams } of ears) {
      const end = await until(
        () => streams.find(({ event }) => event === 'finalized'),
        `the end: ${name}`,
        120,
      );
      reports.push(end.report as Report);
    }
    const drained = (performance.now() - began) / 1000;
    const { frames, readings } = await this.#arrived();
    return { pushed, frames, readings, reports, complaints: sandbox.complaints, struck, backlog, drained };
  }

  /** At the camera's pace, whatever the answers. */
  async #feed(camera: RheedStream, sensor: TimeseriesStream): Promise<number> {
    const { seconds, flushEvery } = this.#load;
    const began = performance.now();
    const pushes: Promise<unknown>[] = [];
    let flushed = began;
    let number = 0;
    while (number < seconds * FPS) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      const now = performance.now();
      for (
        const due = Math.min(seconds, (now - began) / 1000) * FPS;
        number + AT_ONCE <= due;
        number += AT_ONCE
      ) {
        pushes.push(camera.push(batch(number, AT_ONCE)));
        pushes.push(sensor.push([{ channel: 't', time: START + number / FPS, value: number }]));
      }
      if (flushEvery === undefined || now - flushed < flushEvery) continue;
      flushed = now;
      pushes.push(camera.flush());
    }
    await Promise.all(pushes);
    return number;
  }

  async #arrived(): Promise<{ frames: number[]; readings: number[] }> {
    const [frames, readings]: [number[], number[]] = [[], []];
    for (const { data_id, kind } of this.#sandbox.streams().reverse()) {
      if (kind === 'timeseries')
        readings.push(...(((await this.#sandbox.readPoints(data_id)).t?.values ?? []) as number[]));
      else
        for (const { index } of this.#sandbox.stream(data_id)?.chunks ?? [])
          frames.push(...numbersIn(await this.#sandbox.readFrames(data_id, index)));
    }
    return { frames, readings };
  }
}

function found(uploader: Uploader): [RheedStream, TimeseriesStream] {
  const [camera] = uploader.attach('camera', 'rheed', {}) as RheedStream[];
  const [sensor] = uploader.attach('sensor', 'timeseries', {}) as TimeseriesStream[];
  if (camera === undefined || sensor === undefined) throw new Error('the streams are gone after the restart');
  return [camera, sensor];
}

/** The readings that go with `pushed` frames. */
export const readingsOf = (pushed: number): number[] => range(0, pushed / AT_ONCE).map((i) => i * AT_ONCE);
