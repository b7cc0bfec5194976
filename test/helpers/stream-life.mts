/**
 * A stream's whole life, and a second, short one, as a process of its own: what it was promised it tells by lines in
 * a file, each written before it goes on. Frames and readings are numbered.
 */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import uploaderModule from '../../dist/uploader/uploader.js';
import { frames, type LifeOptions, OWNERS, type Promised, readings, SETTINGS } from './stream-lives.mts';
import { Ears } from './uploader.mts';

const { kind, spoolDir, endpoint, name, report } = JSON.parse(process.argv[2] as string) as LifeOptions;
const file = openSync(report, 'a');
const owner = OWNERS[kind];
const settings = { ...SETTINGS[kind], streamName: name };

function promised(what: Promised): void {
  writeSync(file, `${JSON.stringify({ promised: what })}\n`);
}

/** A person, or the tick of the clock, asks again what a disk refused. */
async function again<T>(step: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await step();
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(20);
    }
  }
}

const uploader = await again(() =>
  uploaderModule.Uploader.acquire({
    id: 'account',
    apiKey: 'key',
    spoolDir,
    endpoint,
    spoolMinFreeBytes: 0,
    clockSync: false,
    logger: { error() {}, warn() {}, info() {}, debug() {} },
  }),
);

let next = 0;
/** What the disk refuses is not promised, and not sent again. */
async function push(stream: Life, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, () => next++);
  try {
    await stream.push(numbers);
    promised({ pushed: numbers });
  } catch {
    promised({ refused: numbers });
  }
}

async function refuseNextChunk(): Promise<void> {
  const match = kind === 'rheed' ? 'upload_urls' : '/tool-state/stream/chunk';
  await fetch(`${endpoint}/sandbox/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ set: '403', count: 1, match }),
  });
}

type Life = Awaited<ReturnType<typeof open>>;

async function open(onFirstData: boolean) {
  if (kind === 'rheed') {
    const stream = await again(() => uploader.startRheed(owner, settings, {}, undefined, onFirstData));
    return { stream, ears: new Ears(stream), push: (numbers: number[]) => stream.push(frames(numbers)) };
  }
  const stream = await again(() => uploader.startTimeseries(owner, settings, {}, undefined, onFirstData));
  return { stream, ears: new Ears(stream), push: (numbers: number[]) => stream.push(readings(numbers)) };
}

/** All that was pushed is with the service, or in quarantine: nothing is under way, and for a while nothing begins. */
async function settled({ stream }: Life): Promise<void> {
  await again(() => stream.sync());
  for (let idle = 0; idle < 10; idle += 1) {
    if (!stream.shipping.isIdle) idle = 0;
    await sleep(4);
  }
}

const first = await open(false);
promised({ started: 1 });
for (let pushes = 0; pushes < 4; pushes += 1) await push(first, 2);
await again(() => first.stream.sync());
promised({ synced: true });
await again(() => first.stream.flush());
promised({ synced: true });
await first.ears.stream('opened');
await settled(first);
// Its open chunk, which is on the service already, becomes full; a camera's is sealed.
if (kind === 'timeseries') await push(first, 2);
await settled(first);
await refuseNextChunk();
await push(first, 5);
await settled(first);
await push(first, 2);
await again(() => first.stream.finalize());
promised({ synced: true });
promised({ finalize: 1 });

const second = await open(true);
await push(second, 2);
await again(() => second.stream.finalize());
promised({ synced: true });
promised({ finalize: 2 });
// A stream whose only data the disk refused is gone without a word.
while (uploader.streams.length > 0) await sleep(5);
await uploader.release();
promised({ ended: true });
