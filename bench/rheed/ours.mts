/**
 * Streams a workload with this project's library from plain Node.
 *
 *     ours.mts WORKLOAD.json ENDPOINT -> "ready", then after a line on stdin one line of JSON
 *
 * Chunks are loaded before the clock starts; it runs from the first push to the end of finalize.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RheedStreamer } from '../../dist/uploader/index.js';
import { chunkBytes, type Workload } from './workload.mts';

const [workloadFile = '', endpoint = ''] = process.argv.slice(2);
const workload = JSON.parse(readFileSync(workloadFile, 'utf8')) as Workload;
const { width, height, fps, chunkSize, chunks } = workload;
const pixels = readFileSync(workload.file);
const bytes = chunkBytes(workload);

function* frames() {
  for (let index = 0; index < chunks; index += 1) {
    const at = (index % workload.distinct) * bytes;
    const data = new Uint8Array(pixels.buffer, pixels.byteOffset + at, bytes);
    yield { data, shape: [chunkSize, height, width] };
  }
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
// Beside the official client's: on the disk that holds the temporary files.
const spoolDir = mkdtempSync(join(process.env.HOME ?? tmpdir(), 'spool-'));
const streamer = new RheedStreamer({ apiKey: 'ours', endpoint, spoolDir, clockSync: false });
const dataId = await streamer.initialize({ fps, chunkSize, streamName: 'ours' });
console.log('ready');
await lines.next();

const [began, before] = [performance.now(), process.cpuUsage()];
await streamer.run(dataId, frames());
const pushed = (performance.now() - began) / 1000;
await streamer.finalize(dataId);
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ seconds, pushed, cpu: (user + system) / 1e6 }));
// The process is looked at from outside before it goes.
await lines.next();
process.exit();
