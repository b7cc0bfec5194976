/** The process behind `checked-sandbox.mts`. What was compared is deleted: an hour of frames is 30 GB. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startSandbox } from '../../sandbox/server.mts';
import { shardFile } from '../../sandbox/store/zarr.mts';
import { CameraFrames } from '../../test/helpers/camera-frames.mts';
import type { Arrived, State } from './checked-sandbox.mts';
import { FrameCheck } from './frame-check.mts';

/** How often it is looked for new chunks, ms. */
const LOOK = 200;

const sandbox = await startSandbox();
const camera = new CameraFrames();
const size = camera.width * camera.height;
const checked = new Map<string, FrameCheck>();

async function check(dataId: string, index: number, found: FrameCheck): Promise<void> {
  const pixels = await sandbox.readFrames(dataId, index);
  const count = pixels.length / size;
  found.add(
    index,
    Array.from({ length: count }, (_, i) => pixels.subarray(i * size, (i + 1) * size)),
  );
  await rm(shardFile(join(sandbox.folder, dataId), index));
}

async function checkNew(): Promise<void> {
  for (const { data_id } of sandbox.streams()) {
    const found = checked.get(data_id) ?? new FrameCheck(camera);
    checked.set(data_id, found);
    for (const { index } of sandbox.stream(data_id)?.chunks ?? [])
      if (!found.has(index)) await check(data_id, index, found);
  }
}

function arrived(): Arrived[] {
  const streams = sandbox.streams().map(({ data_id, frames: stored, ended_at }) => {
    const found = checked.get(data_id) ?? new FrameCheck(camera);
    const ended = ended_at !== null;
    const frames = stored ?? 0;
    return {
      data_id,
      ended,
      frames,
      intact: found.intact,
      faults: found.faults(ended && found.intact === frames),
    };
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
