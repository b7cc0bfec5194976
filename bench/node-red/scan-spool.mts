/** Opens a spool and tells what that took, in one line of JSON: `scan-spool.mts FOLDER`. Nothing is sent. */
import uploaderModule from '../../dist/uploader/uploader.js';
import { freePort } from '../../test/helpers/uploader.mts';

const [spoolDir = ''] = process.argv.slice(2);
const { gc } = globalThis as { gc?: () => void };
const heap = (): number => {
  for (let round = 0; round < 2; round += 1) gc?.();
  return process.memoryUsage().heapUsed;
};
const quiet = { error: console.error, warn() {}, info() {}, debug() {} };
const endpoint = `http://127.0.0.1:${await freePort()}`;
const before = heap();
const [began, cpu] = [performance.now(), process.cpuUsage()];
const uploader = await uploaderModule.Uploader.acquire({
  id: 'account',
  apiKey: 'bench',
  endpoint,
  spoolDir,
  spoolMinFreeBytes: 0,
  clockSync: false,
  logger: quiet,
});
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(cpu);
const pending = uploader.streams.reduce((sum, stream) => sum + stream.status().chunks_pending, 0);
console.log(
  JSON.stringify({
    seconds,
    cpu: (user + system) / 1e6,
    pending,
    heap: (heap() - before) / Math.max(1, pending),
  }),
);
await uploader.release();
