import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { arrivedIn, assertWhole, type Fate, fateOf } from '../helpers/fates.mts';
import { HEIGHT, hashedFrame, WIDTH } from '../helpers/hashed.mts';
import type { LifeTask } from '../helpers/life-extension.mts';
import { NodeRed } from '../helpers/node-red.mts';
import { NodesBench, RHEED, SERIES } from '../helpers/nodes-bench.mts';
import type { TortureLoad } from '../helpers/torture-extension.mts';

const EXTENSION = path.resolve(import.meta.dirname, '../helpers/life-extension.mts');
const SLOW_DISK = path.resolve(import.meta.dirname, '../helpers/slow-disk.c');
const STREAMS: Record<string, string> = { [RHEED]: 'growth camera', [SERIES]: 'growth sensor' };
const HOUR = 3_600_000;

describe('the life of a Node-RED under load', function () {
  this.timeout(90_000);
  let folder: string;
  let bench: NodesBench;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'atomscale-life-'));
  });

  afterEach(async () => {
    await bench?.close();
    await rm(folder, { recursive: true });
  });

  const notes = () => path.join(folder, 'notes');

  /** Two nodes, 60 messages a second to each. */
  async function open(
    env: Record<string, string> = {},
    settings: Record<string, unknown> = {},
    account: Record<string, unknown> = {},
    sensors = [SERIES],
  ): Promise<void> {
    const load: TortureLoad = { notes: notes(), cameras: [RHEED], sensors, rate: 60, from: 0 };
    bench = await NodesBench.open({
      account,
      nodeRed: { extension: EXTENSION, env: { TORTURE: JSON.stringify(load), ...env } },
      rheed: {
        width: WIDTH,
        height: HEIGHT,
        fps: 60,
        chunkSize: 120,
        streamName: STREAMS[RHEED],
        ...settings,
      },
      series: { pointsPerChunk: 25, flushInterval: 0.5, streamName: STREAMS[SERIES], ...settings },
    });
  }

  const tell = (task: LifeTask) => bench.red.extension(task);

  async function noted(count: number): Promise<void> {
    const lines = async () => (await readFile(notes(), 'utf8')).split('\n').length;
    for (const end = Date.now() + 30_000; (await lines()) < count; await sleep(50))
      if (Date.now() > end) throw new Error(`waited 30 s for ${count} messages to end`);
  }

  /** Another Node-RED in the same user folder, without load. */
  async function restart(env: Record<string, string> = {}): Promise<void> {
    const { userDir } = bench.red;
    bench.red = await NodeRed.start({ editor: false, userDir, extension: EXTENSION, env });
  }

  /** Ends the streams and compares. */
  async function fates(): Promise<Fate[]> {
    for (const node of [RHEED, SERIES]) await bench.red.send(node, { action: 'finalize' });
    await bench.until('rheed:1', 'finalized');
    if (bench.sandbox.streams().some(({ kind }) => kind === 'timeseries'))
      await bench.until('series:1', 'finalized');
    assert.deepEqual(bench.sandbox.complaints, []);
    return Promise.all(
      [RHEED, SERIES].map(async (node) =>
        fateOf(node, notes(), await arrivedIn(bench.sandbox, STREAMS[node] as string)),
      ),
    );
  }

  const hadToBeCut = () =>
    bench.red.logs.filter(({ text }) => /timed out/i.test(text)).map(({ text }) => text);

  for (const [name, fault] of [
    ['is down', 'down'],
    ['hangs', 'hold'],
  ] as const) {
    it(`SIGTERM while the server ${name}: it ends by itself, and nothing is lost`, async () => {
      await open();
      await bench.until('rheed:1', 'opened');
      bench.sandbox.faults.set(fault);
      await noted(200);
      await bench.red.kill('SIGTERM');
      // Node-RED gives each node 15 s and says so when that was not enough.
      assert.deepEqual(hadToBeCut(), []);
      bench.sandbox.faults.clear();
      await restart();
      assertWhole(await fates());
    });
  }

  describe('on a slow disk', () => {
    let shim: string;

    before(async function () {
      shim = path.join(await mkdtemp(path.join(tmpdir(), 'atomscale-shim-')), 'slow-disk.so');
      const compiled = promisify(execFile)('cc', ['-shared', '-fPIC', '-O1', '-o', shim, SLOW_DISK]);
      const isThere =
        process.platform === 'linux' &&
        (await compiled.then(
          () => true,
          () => false,
        ));
      if (!isThere) this.skip();
    });

    after(() => rm(path.dirname(shim), { recursive: true }));

    it('the event loop is never held up; SIGTERM ends it, and nothing is lost', async () => {
      const sync = 1000;
      await open({ LD_PRELOAD: shim, SLOW_SYNC_MS: String(sync) });
      await noted(300);
      const { delay } = await bench.red.probe();
      assert.ok(
        delay.max < sync,
        `the loop stood still for ${delay.max} ms: a sync of ${sync} ms was waited for`,
      );
      await bench.red.kill('SIGTERM');
      assert.deepEqual(hadToBeCut(), []);
      await restart();
      assertWhole(await fates());
    });
  });

  it('an error that another node throws ends Node-RED: what was confirmed is there', async () => {
    await open();
    await noted(200);
    await tell({ thrown: 'not of this package' }).catch(() => undefined);
    await bench.red.waitFor(() => bench.red.ended, 'Node-RED to end').catch(() => undefined);
    assert.ok(bench.red.ended);
    await restart();
    assertWhole(await fates());
  });

  it('a clock that jumps by hours: no stream ends, nothing is lost', async () => {
    // Seconds: an idle end by the wall clock would come at the first jump.
    await open({}, { idleTimeout: 60 });
    await bench.until('rheed:1', 'opened');
    bench.sandbox.faults.set('500', { count: 6 });
    for (const [at, clockOff] of [5 * HOUR, -3 * HOUR, -50 * 365 * 24 * HOUR, 0].entries()) {
      await noted(200 * (at + 1));
      await tell({ clockOff });
    }
    await noted(1000);
    await tell({ rate: 0 });
    assert.deepEqual(
      bench.sandbox.streams().map(({ ended_at }) => ended_at),
      [null, null],
    );
    assertWhole(await fates());
  });

  it('a clock that jumps by hours while the service’s is compared: stamps stay true', async () => {
    // Readings carry stamps of their own, which are corrected too: frames are stamped here.
    await open({}, {}, { clockSync: true }, []);
    await bench.until('rheed:1', 'opened');
    for (const [at, clockOff] of [5 * HOUR, -3 * HOUR].entries()) {
      await noted(300 * (at + 1));
      await tell({ clockOff });
    }
    await noted(900);
    await tell({ rate: 0 });
    const [frames] = await fates();
    assertWhole([frames as Fate]);
    const chunks = bench.sandbox
      .streams()
      .flatMap(({ data_id }) => bench.sandbox.stream(data_id)?.chunks ?? []);
    for (const chunk of chunks) {
      if (!('start_ms' in chunk)) continue;
      // To the minute: how long a chunk may take to arrive is not the matter.
      const off = chunk.start_ms - chunk.received_at;
      assert.ok(Math.abs(off) < HOUR / 60, `off by ${off} ms: ${JSON.stringify(chunk)}`);
    }
  });

  it('a clock that starts in 1970 and is set later ends no stream whose node is absent', async () => {
    bench = await NodesBench.open({ rheed: { width: WIDTH, height: HEIGHT } });
    await bench.red.send(RHEED, { payload: hashedFrame(0, 1) });
    await bench.until('rheed:1', 'opened');
    await bench.red.kill();
    const flows = path.join(bench.red.userDir, 'flows.json');
    const flow = JSON.parse(await readFile(flows, 'utf8')) as { id: string }[];
    await writeFile(flows, JSON.stringify(flow.filter(({ id }) => id !== RHEED)));
    await restart({ CLOCK_OFF: String(-Date.now()) });
    await sleep(2_500);
    await tell({ clockOff: 0 });
    // The watch looks once a second.
    await sleep(3_500);
    assert.deepEqual(
      bench.sandbox.streams().map(({ ended_at }) => ended_at),
      [null],
    );
    await writeFile(flows, JSON.stringify(flow));
    await bench.red.stop();
    await restart();
    await bench.red.send(RHEED, { action: 'finalize' });
    const { report } = await bench.until('rheed:1', 'finalized');
    assert.equal((report as { frames: number }).frames, 1);
  });

  it('suspended for seconds in the middle of transfers: all goes on, nothing is lost', async () => {
    await open();
    await bench.until('rheed:1', 'opened');
    bench.sandbox.faults.set('slow', { delayMs: 500 });
    await noted(200);
    for (let nap = 0; nap < 2; nap += 1) {
      bench.red.signal('SIGSTOP');
      await sleep(4_000);
      bench.red.signal('SIGCONT');
      await noted(400 + 200 * nap);
    }
    await tell({ rate: 0 });
    bench.sandbox.faults.clear();
    assertWhole(await fates());
    assert.equal(bench.sandbox.streams().length, 2);
  });
});
