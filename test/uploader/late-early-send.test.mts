import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TimeseriesStream } from '../../dist/uploader/timeseries.js';
import type { Uploader } from '../../dist/uploader/uploader.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { Bench, Ears, range, until } from '../helpers/uploader.mts';

const OWNER = { node: 'furnace', stream: '' };
const CHUNK = 'tool-state/stream/chunk';

describe('an early send that lands late', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox;
  let uploader: Uploader;
  let stream: TimeseriesStream;
  let dataId: string;
  const now = performance.now;
  let minutes: number;

  beforeEach(async () => {
    minutes = 0;
    bench = await Bench.make();
    sandbox = await startSandbox();
    uploader = await bench.acquire({ endpoint: sandbox.url });
    stream = await uploader.startTimeseries(OWNER, { flushInterval: 0, pointsPerChunk: 6 }, {});
    dataId = (await new Ears(stream).stream('opened')).data_id as string;
  });

  afterEach(async () => {
    performance.now = now;
    await bench.end();
    await sandbox.close();
  });

  const push = (from: number, to: number) =>
    stream.push(range(from, to).map((i) => ({ channel: 't', time: 1000 + i, value: i })));
  const answered = () =>
    sandbox.requests.filter(({ path, status }) => path.includes(CHUNK) && status === 200).length;
  const stored = async () => (await sandbox.readPoints(dataId)).t?.values;

  /** An early send of two rows is held on its way. */
  async function holdEarlySend(): Promise<void> {
    sandbox.faults.set('hold', { match: CHUNK, count: 1 });
    await push(0, 2);
    await stream.flush();
    await until(() => sandbox.faults.held === 1, 'the early send');
  }

  /** It takes effect now, after the whole chunk: the service has the short slice. */
  async function landEarlySend(): Promise<void> {
    sandbox.faults.release();
    for (let length = 6; length !== 2; length = (await stored())?.length ?? 0) await sleep(10);
  }

  /** The process that waits for its answer ends; the next one fills the chunk and delivers it. */
  async function restart(): Promise<void> {
    await bench.release(uploader);
    uploader = await bench.acquire({ endpoint: sandbox.url });
    [stream] = uploader.attach(OWNER.node, 'timeseries', {}) as [TimeseriesStream];
  }

  /** The minute until the repeat is over: the clock that it is measured by moves on. */
  async function passMinute(): Promise<void> {
    minutes += 1;
    performance.now = () => now.call(performance) + minutes * 61_000;
    await stream.flush(); // Looks for what is due, as anything that happens does.
  }

  it('is overwritten by the sealed chunk, which is sent once more a minute later', async () => {
    await holdEarlySend();
    await restart();
    await push(2, 6);
    await until(() => answered() === 1, 'the sealed chunk');
    await landEarlySend();
    assert.equal(stream.status().chunks_pending, 1);
    await passMinute();
    await until(() => stream.status().chunks_pending === 0, 'the repeat');
    assert.deepEqual(await stored(), range(0, 6));
    assert.equal(answered(), 3);
  });

  it('also when the process ends between the chunk and its repeat', async () => {
    await holdEarlySend();
    await restart();
    await push(2, 6);
    await until(() => answered() === 1, 'the sealed chunk');
    await restart();
    await until(() => answered() === 2, 'the sealed chunk, again');
    await landEarlySend();
    await passMinute();
    await until(() => stream.status().chunks_pending === 0, 'the repeat');
    assert.deepEqual(await stored(), range(0, 6));
  });

  it('also when it is finalized meanwhile: the end comes after the repeat', async () => {
    await holdEarlySend();
    await restart();
    await push(2, 5);
    const ears = new Ears(stream);
    await stream.finalize();
    await until(() => answered() === 1, 'the sealed chunk');
    await landEarlySend();
    assert.ok(!ears.streams.some(({ event }) => event === 'finalized'));
    await passMinute();
    const { report } = await ears.stream('finalized');
    assert.deepEqual([report?.chunks_uploaded, report?.points, report?.lost], [1, 5, []]);
    assert.deepEqual(await stored(), range(0, 5));
    assert.deepEqual(sandbox.complaints, []);
  });

  it('an answered one costs no repeat', async () => {
    await push(0, 2);
    await stream.flush();
    await until(() => answered() === 1, 'the early send');
    await push(2, 6);
    await until(() => stream.status().chunks_pending === 0 && answered() === 2, 'the sealed chunk');
    assert.deepEqual(await stored(), range(0, 6));
  });
});
