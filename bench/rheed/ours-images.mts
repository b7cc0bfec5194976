/**
 * Streams encoded images, one a message, as `rheed-stream` hands them on: through the uploader, which the library's
 * `push` of pixels stands on; see `driver.mts`.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { FrameSpec } from '../../dist/uploader/types.js';
import uploaderModule from '../../dist/uploader/uploader.js';
import { drive } from './driver.mts';

/** Messages that are not on disk yet: what a node would have in hand while frames come faster than they go. */
const IN_HAND = 24;

const SPEC: FrameSpec = {
  ...{ format: 'auto', width: 0, height: 0, headerBytes: 0, bigEndian: false, msbAligned: false },
  ...{ significantBits: 0, depth: 'full-scale' as const, low: 0, high: 255 },
};

await drive(async ({ workload, options }) => {
  const { fps, chunkSize, chunks, images = [] } = workload;
  const files = images.map((path) => new Uint8Array(readFileSync(path)));
  const uploader = await uploaderModule.Uploader.acquire({ ...options, id: 'bench', spoolMinFreeBytes: 0 });
  const owner = { node: 'bench', stream: '' };
  const stream = await uploader.startRheed(owner, { fps, chunkSize, streamName: 'ours' }, {});
  const ended = once(stream, 'end');
  const began = Date.now();
  async function push(): Promise<void> {
    const inHand: Promise<unknown>[] = [];
    for (let i = 0; i < chunks * chunkSize; i += 1) {
      if (inHand.length === IN_HAND) await inHand.shift();
      const parts = [files[i % files.length] as Uint8Array];
      inHand.push(stream.push({ parts, spec: SPEC, stamps: [began + (i * 1000) / fps] }));
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
