import assert from 'node:assert/strict';
import { comparable, readGolden, seedLikeGolden } from '../helpers/golden.mts';
import { NodesBench, RHEED, SERIES } from '../helpers/nodes-bench.mts';

const START = 1_700_000_000_000;

describe('the nodes send what the official client sends', function () {
  this.timeout(60_000);
  let bench: NodesBench;

  afterEach(() => bench?.close());

  async function open(options: Parameters<typeof NodesBench.open>[0] = {}): Promise<void> {
    bench = await NodesBench.open({ ...options, sandbox: { apiKey: 'test-key', ...options.sandbox } });
    seedLikeGolden(bench.sandbox);
  }

  /** Sends the recording's frames with their capture times, and ends the stream. */
  async function replay(name: string, chunkMs: number): Promise<void> {
    const { frames } = readGolden(name);
    for (const [index, { data, shape }] of frames.entries()) {
      const msg = { payload: Buffer.from(data), shape, timestamp: START + index * chunkMs };
      assert.equal((await bench.red.send(RHEED, msg)).error, undefined);
    }
    await bench.red.send(RHEED, { action: 'finalize' });
    const { data_id } = await bench.until('rheed:1', 'finalized');
    for (const [index, { data }] of frames.entries()) {
      const stored = await bench.sandbox.readFrames(String(data_id), index);
      assert.deepEqual(Buffer.from(stored), Buffer.from(data), `chunk ${index}`);
    }
    same(name);
  }

  function same(name: string): void {
    // How often the clock is asked depends on how long the test takes.
    const requests = bench.sandbox.requests.filter(
      ({ path }, index) => path !== '/gateway/time' || index === 0,
    );
    assert.deepEqual(comparable(requests), comparable(readGolden(name).requests));
    assert.deepEqual(bench.sandbox.complaints, []);
    assert.deepEqual(bench.codes(), []);
  }

  it('rheed-parked, with the settings of the editor', async () => {
    await open({
      rheed: {
        fps: '10',
        chunkSize: '20',
        streamName: 'Growth run 42',
        physicalSample: 'gan-001',
        projectId: '33333333-3333-4333-8333-333333333333',
        tags: 'Golden, new tag',
        azimuth: '100',
      },
    });
    await replay('rheed-parked', 2000);
  });

  it('rheed-rotating-run, with the settings of a start', async () => {
    await open();
    const settings = { fps: 12.5, rotationsPerMin: 15, streamName: 'rot', physicalSample: 'InGaAs-9' };
    assert.equal((await bench.red.send(RHEED, { action: 'start', settings })).error, undefined);
    await replay('rheed-rotating-run', 2000);
  });

  it('rheed-clock-offset, with a service whose clock is 5 s ahead', async () => {
    await open({
      sandbox: { clockOffsetMs: 5000 },
      account: { clockSync: true },
      rheed: { fps: '5', chunkSize: '10', streamName: 'late clock' },
    });
    await replay('rheed-clock-offset', 2000);
  });

  it('timeseries-defaults, with nothing set', async () => {
    await open({ series: { pointsPerChunk: '', flushInterval: '' } });
    await bench.red.send(SERIES, { action: 'start' });
    await bench.until('series:1', 'opened');
    await bench.red.send(SERIES, { action: 'finalize' });
    await bench.until('series:1', 'finalized');
    same('timeseries-defaults');
  });
});
