import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RheedStreamer as Rheed, TimeseriesStreamer as Timeseries } from '../../dist/uploader/index.js';
import uploader from '../../dist/uploader/index.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { comparable, readGolden, seedLikeGolden } from '../helpers/golden.mts';

const { RheedStreamer, TimeseriesStreamer } = uploader;
const PROJECT = '33333333-3333-4333-8333-333333333333';

describe('the library sends what the official client sends', () => {
  let sandbox: Sandbox;
  let spoolDir: string;

  beforeEach(async () => {
    spoolDir = await mkdtemp(join(tmpdir(), 'atomscale-golden-'));
  });

  afterEach(async () => {
    await sandbox.close();
    await rm(spoolDir, { recursive: true, force: true });
  });

  async function serve(clockOffsetMs = 0): Promise<void> {
    sandbox = await startSandbox({ apiKey: 'test-key', clockOffsetMs });
    seedLikeGolden(sandbox);
  }

  const options = (clockSync = false) => ({ apiKey: 'test-key', endpoint: sandbox.url, spoolDir, clockSync });

  async function sameAs(name: string, dataId: string): Promise<void> {
    const golden = readGolden(name);
    assert.deepEqual(comparable(sandbox.requests), comparable(golden.requests));
    for (const [index, { data }] of golden.frames.entries()) {
      assert.deepEqual(
        Buffer.from(await sandbox.readFrames(dataId, index)),
        Buffer.from(data),
        `chunk ${index}`,
      );
    }
    assert.deepEqual(sandbox.complaints, []);
  }

  it('rheed-parked: capture times, a short last chunk, sample, project, tags, azimuth', async () => {
    await serve();
    const streamer: Rheed = new RheedStreamer(options());
    const dataId = await streamer.initialize({
      fps: 10,
      rotationsPerMin: 0,
      chunkSize: 20,
      streamName: 'Growth run 42',
      physicalSample: 'gan-001',
      projectId: PROJECT,
      tags: ['Golden', 'new tag'],
      azimuth: '100',
    });
    for (const [index, frames] of readGolden('rheed-parked').frames.entries()) {
      await streamer.push(dataId, index, frames, 1_700_000_000_000 + index * 2000);
    }
    const report = await streamer.finalize(dataId);
    assert.equal(report.frames, 47);
    assert.equal(report.chunks_uploaded, 3);
    await sameAs('rheed-parked', dataId);
  });

  it('rheed-rotating-run: an iterator, the last item one frame, a sample that did not exist', async () => {
    await serve();
    const streamer: Rheed = new RheedStreamer(options());
    const dataId = await streamer.initialize({
      fps: 12.5,
      rotationsPerMin: 15,
      chunkSize: 25,
      streamName: 'rot',
      physicalSample: 'InGaAs-9',
    });
    const frames = readGolden('rheed-rotating-run').frames.map(
      ({ data, shape }, index) =>
        [{ data, shape: shape[0] === 1 ? shape.slice(1) : shape }, 1_700_000_000_000 + index * 2000] as const,
    );
    await streamer.run(dataId, frames);
    await streamer.finalize(dataId);
    await sameAs('rheed-rotating-run', dataId);
  });

  it('rheed-clock-offset: stamps carry the correction of a clock 5 s behind', async () => {
    await serve(5000);
    const streamer: Rheed = new RheedStreamer(options(true));
    const dataId = await streamer.initialize({
      fps: 5,
      rotationsPerMin: 0,
      chunkSize: 10,
      streamName: 'late clock',
    });
    const [frames] = readGolden('rheed-clock-offset').frames;
    await streamer.push(dataId, 0, frames as typeof frames & {}, 1_700_000_000_000);
    await streamer.finalize(dataId);
    await sameAs('rheed-clock-offset', dataId);
  });

  it('timeseries: push, pushMulti with an empty channel, run', async () => {
    await serve();
    const streamer: Timeseries = new TimeseriesStreamer({ ...options(), pointsPerChunk: 50 });
    const dataId = await streamer.initialize({
      streamName: 'temperature log',
      synthSourceId: 42,
      physicalSample: 'GaN-001',
      projectId: PROJECT,
      tags: ['golden'],
    });
    await streamer.push(dataId, 0, 'temperature', [1700000000.0, 1700000000.1], [25.0, 25.1], 'C');
    await streamer.pushMulti(dataId, 1, {
      temperature: { timestamps: [1700000000.2], values: [25.25], units: 'C' },
      pressure: { timestamps: [1700000000.2], values: [1e-9] },
      empty: { timestamps: [], values: [] },
    });
    const readings = [0, 1, 2].map((second) => [[1700000001.0 + second], [second]] as const);
    await streamer.run(dataId, 'rate', readings, 'nm/s');
    await streamer.finalize(dataId);
    await sameAs('timeseries', dataId);
  });

  it('timeseries-defaults: no argument at all', async () => {
    await serve();
    const streamer: Timeseries = new TimeseriesStreamer(options());
    const dataId = await streamer.initialize();
    await streamer.finalize(dataId);
    await sameAs('timeseries-defaults', dataId);
  });
});
