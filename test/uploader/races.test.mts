import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sandbox } from '../../sandbox/server.mts';
import {
  type Bench,
  batch,
  Ears,
  freshEach,
  pushAll,
  RHEED_SETTINGS,
  range,
  until,
} from '../helpers/uploader.mts';

const OWNER = { node: 'camera', stream: '' };

describe('at the same time', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox;

  freshEach((fresh) => {
    ({ bench, sandbox } = fresh);
  });

  it('several refusals of a closed stream: one continuation', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    const { data_id } = await ears.stream('opened');
    sandbox.faults.set('hold', { match: 'upload_urls' });
    await pushAll(stream, 0, 80);
    await until(() => sandbox.faults.held === 4, 'held');
    sandbox.faults.closeStream(data_id as string);
    sandbox.faults.set('slow', { match: 'GET /data_entries/', count: 1, delayMs: 1500 });
    sandbox.faults.clear('hold');
    await ears.stream('continued');
    await sleep(3000);
    await stream.finalize();
    await ears.stream('finalized');
    assert.equal(ears.streams.filter((e) => e.event === 'continued').length, 1);
  });

  it('more streams than files can be open for: refused, until one is finalized', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, apiKey: '' });
    const start = (stream: string) =>
      uploader.startTimeseries({ node: 'gauge', stream }, {}, {}, undefined, true);
    const started = await Promise.allSettled(range(0, 260).map((number) => start(String(number))));
    const refused = started.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    assert.equal(refused.length, 4);
    assert.equal(refused[0]?.reason.code, 'ERR_OVERLOAD');
    await uploader.streams[0]?.finalize();
    await start('again');
  });

  it('a release and an acquire: the new one works', async () => {
    const one = await bench.acquire({ endpoint: sandbox.url });
    const released = bench.release(one);
    const two = await bench.acquire({ endpoint: sandbox.url });
    await released;
    assert.notEqual(one, two);
    const stream = await two.startRheed(OWNER, RHEED_SETTINGS, {});
    await until(() => stream.dataId, 'opened', 5);
  });

  it('a retry and a clock set back: the retry comes', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await ears.stream('opened');
    sandbox.faults.set('500', { match: 'upload_urls' });
    await pushAll(stream, 0, 20);
    await ears.status('waiting');
    const real = Date.now;
    Date.now = () => real() - 3_600_000;
    try {
      sandbox.faults.clear();
      const end = performance.now() + 35_000;
      while (stream.status().chunks_uploaded === 0) {
        if (performance.now() > end) throw new Error('stuck');
        await sleep(50);
      }
    } finally {
      Date.now = real;
    }
  });

  it('a flush and a stream of frames: one chunk is sealed', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, { ...RHEED_SETTINGS, chunkSize: 10_000 }, {});
    await pushAll(stream, 0, 20);
    let number = 20;
    const pushes: Promise<unknown>[] = [];
    const camera = setInterval(() => pushes.push(stream.push(batch(number++, 1))), 1);
    try {
      await stream.flush();
    } finally {
      clearInterval(camera);
    }
    await Promise.all(pushes);
    await until(
      () => stream.status().chunks_uploaded > 0 && stream.status().chunks_pending === 0,
      'delivery',
    );
    assert.equal(stream.status().chunks_uploaded, 1);
  });
});
