import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RheedStreamer, TimeseriesStreamer } from '../../dist/uploader/index.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { python } from '../helpers/python.mts';

const run = promisify(execFile);
const [HEIGHT, WIDTH, FPS, CHUNK_SIZE] = [40, 60, 10, 20];
const COUNT = 50;

describe('the official client and this project, side by side', () => {
  let interpreter: string;
  let sandbox: Sandbox;
  let folder: string;
  let files: string[];
  const frames = Buffer.alloc(COUNT * HEIGHT * WIDTH);
  for (let i = 0; i < frames.length; i += 1) frames[i] = (i * 2654435761) >>> 24;

  before(async function () {
    this.timeout(600_000);
    const found = await python();
    if ('skip' in found) {
      console.log(`      ${found.skip}`);
      this.skip();
    }
    interpreter = found.path;
  });

  beforeEach(async () => {
    sandbox = await startSandbox();
    folder = await mkdtemp(join(tmpdir(), 'atomscale-official-'));
    await writeFile(join(folder, 'all.u8'), frames);
    const chunk = CHUNK_SIZE * HEIGHT * WIDTH;
    files = [];
    for (let index = 0; index * chunk < frames.length; index += 1) {
      const path = join(folder, `${index}.u8`);
      await writeFile(path, frames.subarray(index * chunk, (index + 1) * chunk));
      files.push(path);
    }
  });

  afterEach(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });

  const readByZarr = (dataId: string) =>
    run(interpreter, [
      join(import.meta.dirname, '..', 'sandbox', 'read_zarr.py'),
      join(sandbox.folder, dataId),
      ...files,
    ]);

  it('streams into the sandbox without a complaint, and zarr-python reads the frames that went in', async function () {
    this.timeout(120_000);
    const script = join(import.meta.dirname, 'stream.py');
    const settings = [HEIGHT, WIDTH, FPS, CHUNK_SIZE].map(String);
    const env = { ...process.env, ATOMSCALE_SKIP_CLOCK_SYNC: '1' };
    const { stdout } = await run(interpreter, [script, sandbox.url, join(folder, 'all.u8'), ...settings], {
      env,
    });
    const ids = JSON.parse(stdout.trim().split('\n').at(-1) as string) as {
      rheed: string;
      timeseries: string;
    };
    assert.deepEqual(sandbox.complaints, []);
    await readByZarr(ids.rheed);
    const points = await sandbox.readPoints(ids.timeseries);
    assert.equal(points.temperature?.values.length, 11);
  });

  it('stores the same pixels by way of this project', async function () {
    this.timeout(120_000);
    const options = { apiKey: 'ours', endpoint: sandbox.url, spoolDir: join(folder, 'spool') };
    const rheed = new RheedStreamer(options);
    const dataId = await rheed.initialize({ fps: FPS, chunkSize: CHUNK_SIZE, streamName: 'ours' });
    const chunk = CHUNK_SIZE * HEIGHT * WIDTH;
    await rheed.run(
      dataId,
      files.map((_, index) => {
        const data = frames.subarray(index * chunk, (index + 1) * chunk);
        return { data, shape: [data.length / (HEIGHT * WIDTH), HEIGHT, WIDTH] };
      }),
    );
    await rheed.finalize(dataId);
    const timeseries = new TimeseriesStreamer(options);
    const readingsId = await timeseries.initialize({ streamName: 'ours' });
    await timeseries.push(readingsId, 0, 'temperature', [1_700_000_000], [600], 'C');
    await timeseries.finalize(readingsId);
    assert.deepEqual(sandbox.complaints, []);
    await readByZarr(dataId);
  });
});
