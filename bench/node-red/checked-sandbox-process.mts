/** The process behind `checked-sandbox.mts`. What was compared is deleted: an hour of frames is 30 GB. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startSandbox } from '../../sandbox/server.mts';
import { shardFile } from '../../sandbox/store/zarr.mts';
import { CameraFrames } from '../../test/helpers/camera-frames.mts';
import type { Arrived, State } from './checked-sandbox.mts';

/** How often it is looked for new chunks, ms. */
const LOOK = 200;

/** What was found in a stream's chunks, by their index: the number of the first frame, and how many follow in order. */
class Checked {
  readonly runs = new Map<number, { readonly first: number; readonly count: number }>();
  readonly faults: string[] = [];
  intact = 0;
}

const sandbox = await startSandbox();
const frames = new CameraFrames();
const size = frames.width * frames.height;
const checked = new Map<string, Checked>();

async function check(dataId: string, index: number, found: Checked): Promise<void> {
  const pixels = await sandbox.readFrames(dataId, index);
  const count = pixels.length / size;
  const first = frames.numberOf(pixels.subarray(0, size));
  found.runs.set(index, { first, count });
  for (let frame = 0; frame < count; frame += 1) {
    const number = frames.numberOf(pixels.subarray(frame * size, (frame + 1) * size));
    if (number === first + frame) found.intact += 1;
    else found.faults.push(`chunk ${index}: expected frame ${first + frame}, got ${number}`);
  }
  await rm(shardFile(join(sandbox.folder, dataId), index));
}

async function checkNew(): Promise<void> {
  for (const { data_id } of sandbox.streams()) {
    const found = checked.get(data_id) ?? new Checked();
    checked.set(data_id, found);
    for (const { index } of sandbox.stream(data_id)?.chunks ?? [])
      if (!found.runs.has(index)) await check(data_id, index, found);
  }
}

/** The chunks in the order of their index hold the frames from 0 on, each once. */
function orderFaults({ runs }: Checked): string[] {
  let expected = 0;
  const faults: string[] = [];
  for (const [index, { first, count }] of [...runs].sort(([one], [other]) => one - other)) {
    if (first !== expected)
      faults.push(`chunk ${index}: expected it to begin with frame ${expected}, got ${first}`);
    expected = first + count;
  }
  return faults;
}

function arrived(): Arrived[] {
  const streams = sandbox.streams().map(({ data_id, frames: stored, ended_at }) => {
    const found = checked.get(data_id) ?? new Checked();
    const ended = ended_at !== null;
    const faults = ended ? [...found.faults, ...orderFaults(found)] : found.faults;
    return { data_id, ended, frames: stored ?? 0, intact: found.intact, faults: faults.slice(0, 10) };
  });
  return streams.reverse();
}

let checking: Promise<void> | undefined;
const timer = setInterval(() => {
  checking ??= checkNew()
    .catch((error: Error) => {
      // Seen by whoever waits for the streams: they are never all compared.
      console.error(`checking failed: ${error.stack}`);
    })
    .finally(() => {
      checking = undefined;
    });
}, LOOK);

process.on('message', () => {
  process.send?.({ streams: arrived(), complaints: [...sandbox.complaints] } satisfies State);
});
process.on('disconnect', async () => {
  clearInterval(timer);
  await checking;
  await sandbox.close();
  process.exit();
});
process.send?.({ url: sandbox.url });
