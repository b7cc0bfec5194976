import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../dist/uploader/types.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { Process } from '../helpers/model/process.mts';
import type { Look } from '../helpers/outage-worker.mts';
import { FPS, numbersIn, range, until } from '../helpers/uploader.mts';

const SCRIPT = new URL('../helpers/outage-worker.mts', import.meta.url);
/** Chunks that each kind of stream seals in the outage. */
const CHUNKS = 180;
/** Seconds of data before the outage; memory is measured from then on. */
const BEFORE = 600;
const MAX_GROWTH = 64 * 2 ** 20;

describe('an outage', function () {
  this.timeout(170_000);
  let sandbox: Sandbox;
  let spoolDir: string;
  let camera: Process;

  beforeEach(async () => {
    sandbox = await startSandbox();
    spoolDir = await mkdtemp(join(tmpdir(), 'atomscale-outage-'));
  });

  afterEach(async () => {
    await camera.kill();
    await sandbox.close();
    await rm(spoolDir, { recursive: true, force: true });
  });

  async function ask<T>(action: string, more: { from?: number; count?: number } = {}): Promise<T> {
    const { answer, error, gone } = await camera.ask(action, more);
    assert.ok(!gone && error === undefined, `${action}: ${error?.message ?? 'the process ended'}`);
    return answer as T;
  }

  async function start(seconds: number): Promise<void> {
    camera = new Process(SCRIPT, ['--expose-gc']);
    const account = {
      id: 'account',
      endpoint: sandbox.url,
      apiKey: 'key',
      spoolDir,
      clockSync: false,
      spoolMinFreeBytes: 0,
    };
    const length = seconds / CHUNKS;
    const rheed = { fps: FPS, chunkSize: length * FPS, streamName: 'camera' };
    const timeseries = { pointsPerChunk: length, flushInterval: 10, streamName: 'sensor' };
    const { error } = await camera.ask('acquire', { account, editors: { rheed, timeseries } });
    assert.equal(error, undefined);
  }

  async function waitFor(seen: (look: Look) => boolean, what: string): Promise<Look> {
    let look = await ask<Look>('look');
    let asking: Promise<void> | undefined;
    await until(() => {
      asking ??= ask<Look>('look').then((next) => {
        look = next;
        asking = undefined;
      });
      return seen(look);
    }, what);
    await asking;
    return look;
  }

  async function chunkBytes(): Promise<number> {
    const files = (await readdir(spoolDir, { recursive: true })).filter((name) =>
      /\.(shard|rows)$/.test(name),
    );
    const sizes = await Promise.all(files.map(async (name) => (await stat(join(spoolDir, name))).size));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Everything of a kind, over the stream that the service closed and its continuation. */
  async function arrived(kind: 'rheed' | 'timeseries'): Promise<number[]> {
    const numbers: number[] = [];
    for (const { data_id, missing } of sandbox.streams().reverse()) {
      const state = sandbox.stream(data_id);
      if (state?.kind !== kind) continue;
      assert.deepEqual(missing, []);
      if (kind === 'timeseries') {
        const { temperature } = await sandbox.readPoints(data_id);
        numbers.push(...((temperature?.values ?? []) as number[]));
      } else
        for (const { index } of state.chunks)
          numbers.push(...numbersIn(await sandbox.readFrames(data_id, index)));
    }
    return numbers;
  }

  for (const hours of [1, 3]) {
    it(`of ${hours} h, with the streams closed and a restart in its middle: everything arrives`, async () => {
      const seconds = hours * 3600;
      await start(seconds);
      await ask('feed', { from: 0, count: BEFORE });
      // Frames in whole chunks: what the service closes is whole at that moment, so that nothing goes twice.
      const before = await waitFor(
        ({ rheed, timeseries }) => rheed.chunks_pending + timeseries.chunks_pending === 0,
        'delivery before',
      );
      const ids = sandbox.streams().map(({ data_id }) => data_id);
      const downAt = Date.now();
      sandbox.faults.set('down');
      const half = await ask<Look>('feed', { from: BEFORE, count: seconds / 2 });
      await waitFor(
        ({ told }) => told.rheed.includes('waiting') && told.timeseries.includes('waiting'),
        'waiting',
      );
      for (const id of ids) sandbox.faults.closeStream(id);
      const first = await ask<Look>('look');
      await ask('release');
      await camera.kill();
      await start(seconds);
      const restarted = await ask<Look>('look');
      await ask('feed', { from: BEFORE + seconds / 2, count: seconds / 2 });
      const whole = await waitFor(
        ({ timeseries }) => timeseries.chunks_pending === CHUNKS,
        'the last chunk of readings',
      );

      // Since when, and how much.
      for (const kind of ['rheed', 'timeseries'] as const) {
        assert.equal(whole[kind].phase, 'waiting');
        assert.ok(
          first[kind].since >= downAt,
          `${kind}: waits since ${first[kind].since}, down at ${downAt}`,
        );
        assert.equal(whole[kind].since, first[kind].since, `${kind}: since when`);
        assert.equal(whole[kind].error?.code, 'ERR_API');
      }
      assert.equal(whole.rheed.chunks_pending, CHUNKS);
      assert.equal(whole.rheed.frames, (BEFORE + seconds) * FPS);
      assert.ok(whole.rheed.spool_bytes >= (await chunkBytes()));

      sandbox.faults.clear();
      const { reports, peak } = await ask<{ reports: Report[]; peak: number }>('finalize');
      assert.deepEqual(await arrived('rheed'), range(0, (BEFORE + seconds) * FPS));
      assert.deepEqual(await arrived('timeseries'), range(0, BEFORE + seconds));
      for (const report of reports) assert.deepEqual([report.lost, report.chunks_quarantined], [[], 0]);
      assert.equal(sandbox.streams().filter(({ name }) => name?.endsWith('(continued)')).length, 2);
      assert.deepEqual(sandbox.complaints, []);

      const growth = Math.max(half.peak - before.rss, peak - restarted.rss);
      console.log(`    figures: outage of ${hours} h: memory grew by ${Math.round(growth / 2 ** 20)} MiB`);
      assert.ok(growth <= MAX_GROWTH, `memory grew by ${growth} bytes`);
    });
  }
});
