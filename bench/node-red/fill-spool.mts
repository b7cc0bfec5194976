/**
 * Fills a spool as a long outage does: `fill-spool.mts FOLDER CHUNKS`. The service is not reached; the node `camera` of
 * the account `account` is its owner.
 */
import frameArrays from '../../dist/uploader/frame-arrays.js';
import uploaderModule from '../../dist/uploader/uploader.js';
import { CameraFrames } from '../../test/helpers/camera-frames.mts';
import { freePort } from '../../test/helpers/uploader.mts';
import { BACKLOG } from './backlog.mts';

const [spoolDir = '', chunks = '0'] = process.argv.slice(2);
const { side, fps, framesPerChunk } = BACKLOG;
const quiet = { error: console.error, warn() {}, info() {}, debug() {} };
const uploader = await uploaderModule.Uploader.acquire({
  id: 'account',
  apiKey: 'bench',
  endpoint: `http://127.0.0.1:${await freePort()}`,
  spoolDir,
  spoolMinFreeBytes: 0,
  clockSync: false,
  logger: quiet,
});
const settings = { fps, chunkSize: framesPerChunk };
const stream = await uploader.startRheed({ node: 'camera', stream: '' }, settings, settings);
const frames = new CameraFrames(side, side);
const spec = frameArrays.gray8(side, side);
for (let chunk = 0; chunk < Number(chunks); chunk += 1) {
  const first = chunk * framesPerChunk;
  const parts = Array.from({ length: framesPerChunk }, (_, i) => frames.frame(first + i));
  await stream.push({ parts, spec, stamps: [1_700_000_000_000 + (first * 1000) / fps] });
}
await uploader.release();
