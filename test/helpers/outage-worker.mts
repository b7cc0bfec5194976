/** A process with a camera's and a sensor's stream, fed as fast as the disk takes it. Its time is fast. */
import './fast-time.mts';
import type { RheedStream } from '../../dist/uploader/rheed.js';
import type { TimeseriesStream } from '../../dist/uploader/timeseries.js';
import type { Uploader } from '../../dist/uploader/uploader.js';
import uploaderModule from '../../dist/uploader/uploader.js';
import type { Account, Asked, Told } from './model/process.mts';
import { batch, Ears, FPS, range, until } from './uploader.mts';

/** Seconds of data a message holds. */
const SECONDS = 5;
const START = 1_700_000_000;

let uploader: Uploader;
let camera: RheedStream;
let sensor: TimeseriesStream;
let ears: { rheed: Ears; timeseries: Ears };
let peak = 0;

function sample(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { rss } = process.memoryUsage();
  peak = Math.max(peak, rss);
  return rss;
}

/** What the node of each stream shows. */
const look = () => ({
  rheed: { ...camera.status(), ...camera.health() },
  timeseries: { ...sensor.status(), ...sensor.health() },
  told: {
    rheed: ears.rheed.statuses.map(({ event }) => event),
    timeseries: ears.timeseries.statuses.map(({ event }) => event),
  },
  rss: sample(),
  peak,
});
export type Look = ReturnType<typeof look>;

const actions: { [name: string]: (asked: Asked) => Promise<unknown> } = {
  acquire: async ({ account, editors = {} }) => {
    const logger = { error() {}, warn() {}, info() {}, debug() {} };
    uploader = await uploaderModule.Uploader.acquire({ ...(account as Account), logger });
    const [found] = uploader.attach('camera', 'rheed', {}) as RheedStream[];
    const [other] = uploader.attach('sensor', 'timeseries', {}) as TimeseriesStream[];
    camera = found ?? (await uploader.startRheed({ node: 'camera', stream: '' }, editors.rheed ?? {}, {}));
    const heard = new Ears(camera);
    sensor =
      other ?? (await uploader.startTimeseries({ node: 'sensor', stream: '' }, editors.timeseries ?? {}, {}));
    ears = { rheed: heard, timeseries: new Ears(sensor) };
    if (found === undefined)
      await Promise.all([ears.rheed.stream('opened'), ears.timeseries.stream('opened')]);
  },
  /** Seconds `from` … `from + count − 1` of the growth. */
  feed: async ({ from = 0, count = 0 }) => {
    for (let second = from; second < from + count; second += SECONDS) {
      const readings = range(second, second + SECONDS).map((value) => ({
        channel: 'temperature',
        time: START + value,
        value,
      }));
      await Promise.all([camera.push(batch(second * FPS, SECONDS * FPS)), sensor.push(readings)]);
      if (second % 300 === 0) sample();
    }
    return look();
  },
  look: async () => look(),
  finalize: async () => {
    await Promise.all([camera.finalize(), sensor.finalize()]);
    const reports = [];
    for (const { streams } of [ears.rheed, ears.timeseries]) {
      const end = () => streams.find(({ event }) => event === 'finalized');
      reports.push((await until(end, 'the end', 150)).report);
    }
    sample();
    return { reports, peak };
  },
  release: () => uploader.release(),
};

process.on('message', async (asked: Asked) => {
  const tell = (told: Told): unknown => process.send?.(told);
  try {
    tell({ id: asked.id, answer: await actions[asked.action]?.(asked) });
  } catch (error) {
    tell({ id: asked.id, error: { code: 'failed', message: (error as Error).stack ?? String(error) } });
  }
});
process.on('disconnect', () => process.exit());
