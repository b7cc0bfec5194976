/** Streams chunks of pixels with this project's library from plain Node; see `driver.mts`. */
import { readFileSync } from 'node:fs';
import { RheedStreamer } from '../../dist/uploader/index.js';
import { drive } from './driver.mts';
import { chunkBytes } from './workload.mts';

await drive(async ({ workload, options }) => {
  const { width, height, fps, chunkSize, chunks } = workload;
  const pixels = readFileSync(workload.file);
  const bytes = chunkBytes(workload);
  const distinct = workload.frames / chunkSize;
  const streamer = new RheedStreamer(options);
  const dataId = await streamer.initialize({ fps, chunkSize, streamName: 'ours' });
  function* frames() {
    for (let index = 0; index < chunks; index += 1) {
      const data = new Uint8Array(pixels.buffer, pixels.byteOffset + (index % distinct) * bytes, bytes);
      yield { data, shape: [chunkSize, height, width] };
    }
  }
  return { push: () => streamer.run(dataId, frames()), finalize: () => streamer.finalize(dataId) };
});
