/**
 * Streams one frame a message, as `rheed-stream` hands them on: through the uploader, which the library's `push` of
 * whole chunks stands on; see `driver.mts`.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { FrameSpec } from '../../dist/uploader/types.js';
import uploaderModule from '../../dist/uploader/uploader.js';
import { drive } from './driver.mts';
import type { Workload } from './workload.mts';

/**
 * Messages that are not on disk yet: what a node would have in hand while frames come faster than they go. Of more
 * large ones less fits into the processor's cache: with 24 they are 8 % slower.
 */
const IN_HAND = 8;

await drive(async ({ workload, options }) => {
  const { fps, chunkSize, chunks } = workload;
  const messages = messagesOf(workload);
  const spec = specOf(workload);
  const uploader = await uploaderModule.Uploader.acquire({ ...options, id: 'bench', spoolMinFreeBytes: 0 });
  const owner = { node: 'bench', stream: '' };
  const stream = await uploader.startRheed(owner, { fps, chunkSize, streamName: 'ours' }, {});
  const ended = once(stream, 'end');
  const began = Date.now();
  async function push(): Promise<void> {
    const inHand: Promise<unknown>[] = [];
    for (let i = 0; i < chunks * chunkSize; i += 1) {
      if (inHand.length === IN_HAND) await inHand.shift();
      const parts = [messages[i % messages.length] as Uint8Array];
      inHand.push(stream.push({ parts, spec, stamps: [began + (i * 1000) / fps] }));
    }
    await Promise.all(inHand);
  }
  return {
    push,
    finalize: async () => {
      await stream.finalize();
      await ended;
    },
  };
});

/** The encoded images, or the frames of the file. */
function messagesOf({ images, file, width, height, frames }: Workload): Uint8Array[] {
  if (images !== undefined) return images.map((path) => new Uint8Array(readFileSync(path)));
  const pixels = new Uint8Array(readFileSync(file));
  const size = width * height;
  return Array.from({ length: frames }, (_, i) => pixels.subarray(i * size, (i + 1) * size));
}

function specOf({ images, width, height }: Workload): FrameSpec {
  return {
    ...(images === undefined ? { format: 'mono8', width, height } : { format: 'auto', width: 0, height: 0 }),
    ...{ headerBytes: 0, bigEndian: false, msbAligned: false, significantBits: 0 },
    ...{ depth: 'full-scale', low: 0, high: 255 },
  };
}
