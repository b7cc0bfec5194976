import assert from 'node:assert/strict';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
  storedNumbers,
  until,
} from '../helpers/uploader.mts';

const OWNER = { node: 'camera', stream: '' };
const GAUGE = { node: 'gauge', stream: '' };

/** The stream's record cannot be written while a folder has the name of its temporary file. */
const block = (folder: string) => mkdir(join(folder, 'stream.json.tmp'));
const unblock = (folder: string) => rm(join(folder, 'stream.json.tmp'), { recursive: true });

describe('a disk that refuses', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox;

  freshEach((fresh) => {
    ({ bench, sandbox } = fresh);
  });

  it('the record at the first readings: they are kept, and counted once', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startTimeseries(
      GAUGE,
      { streamName: 't', flushInterval: 0 },
      {},
      undefined,
      true,
    );
    const ears = new Ears(stream);
    await block(stream.folder);
    await stream.push([
      { channel: 'a', time: 1000, value: 1 },
      { channel: 'a', time: 1001, value: 2 },
    ]);
    await unblock(stream.folder);
    await stream.push([{ channel: 'a', time: 1002, value: 3 }]);
    await stream.finalize();
    const { report } = await ears.stream('finalized');
    assert.equal(report?.points, 3);
    assert.equal(report?.chunks_uploaded, 1);
  });

  it('the intent to finalize: asked again it ends', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await pushAll(stream, 0, 20);
    await ears.status('drained');
    await block(stream.folder);
    await assert.rejects(stream.finalize(), { code: 'ERR_SPOOL' });
    await unblock(stream.folder);
    await stream.finalize();
    await ears.stream('finalized');
  });

  it('the record of a continuation: it opens when the disk allows it', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    const { data_id } = await ears.stream('opened');
    await sleep(100);
    sandbox.faults.closeStream(data_id as string);
    await block(stream.folder);
    await pushAll(stream, 0, 20);
    await sleep(3000);
    await unblock(stream.folder);
    await until(() => ears.streams.find((e) => e.event === 'continued'), 'continued', 10);
  });

  it('the record of a continuation after an early send: it still ends', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startTimeseries(GAUGE, { streamName: 't', flushInterval: 0.1 }, {});
    const ears = new Ears(stream);
    const { data_id } = await ears.stream('opened');
    await sleep(200);
    sandbox.faults.closeStream(data_id as string);
    await block(stream.folder);
    await stream.push([{ channel: 'a', time: 1000, value: 1 }]);
    await sleep(3000);
    await unblock(stream.folder);
    await sleep(1500);
    await stream.finalize();
    await until(() => ears.streams.find((e) => e.event === 'finalized'), 'finalized', 15);
  });

  it('to seal a full chunk and to begin the next: each is sent once', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    const { data_id } = await ears.stream('opened');
    await mkdir(join(stream.folder, '000000.json'));
    await pushAll(stream, 0, 20);
    await rm(join(stream.folder, '000000.json'), { recursive: true });
    await mkdir(join(stream.folder, '000001.part'));
    await assert.rejects(stream.push(batch(20, 5)), { code: 'ERR_SPOOL' });
    await rm(join(stream.folder, '000001.part'), { recursive: true });
    await stream.push(batch(20, 5));
    await stream.push(batch(25, 3));
    await stream.finalize();
    const { report } = await ears.stream('finalized');
    assert.deepEqual(await storedNumbers(sandbox, data_id), range(0, 28));
    assert.deepEqual([report?.chunks_uploaded, report?.frames, report?.lost], [2, 28, []]);
  });

  it('the first bytes of a journal: no file stays open', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startTimeseries(GAUGE, { streamName: 't' }, {});
    const probe = await open('/dev/null');
    const proto = Object.getPrototypeOf(probe);
    await probe.close();
    const real = proto.write;
    const before = (await readdir('/proc/self/fd')).length;
    proto.write = async () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    try {
      for (let i = 0; i < 20; i += 1)
        await assert.rejects(stream.push([{ channel: 'a', time: 1000 + i, value: 1 }]), {
          code: 'ERR_SPOOL_FULL',
        });
    } finally {
      proto.write = real;
    }
    const after = (await readdir('/proc/self/fd')).length;
    assert.ok(after - before < 5, `${before} → ${after}`);
    await stream.push([{ channel: 'a', time: 2000, value: 1 }]);
  });

  it('one stream: the others have their idle end', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const bad = await uploader.startTimeseries(GAUGE, { streamName: 't' }, {});
    bad.sync = () => Promise.reject(new Error('EIO'));
    const stream = await uploader.startRheed(OWNER, { ...RHEED_SETTINGS, idleTimeout: 1 }, {});
    const ears = new Ears(stream);
    await pushAll(stream, 0, 5);
    await until(() => ears.streams.find((e) => e.event === 'finalized'), 'finalized', 8);
  });

  it('the record of a delivery: the delivered chunk itself makes room', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    const { data_id } = await ears.stream('opened');
    sandbox.faults.set('hold', { match: 'upload_urls' });
    await pushAll(stream, 0, 20);
    await until(() => sandbox.faults.held > 0, 'the request on hold');
    await block(stream.folder);
    sandbox.faults.clear();
    await until(() => ears.problems[0], 'the problem');
    assert.ok(!(await readdir(stream.folder)).includes('000000.shard'));
    await unblock(stream.folder);
    await stream.finalize();
    const { report } = await ears.stream('finalized');
    assert.deepEqual([report?.chunks_uploaded, report?.lost], [1, []]);
    assert.deepEqual(await storedNumbers(sandbox, data_id), range(0, 20));
  });
});
