import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import requests from '../../dist/uploader/spool/requests.js';
import type { AnyStream, Uploader } from '../../dist/uploader/uploader.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import {
  Bench,
  Ears,
  freePort,
  freshEach,
  pushAll,
  RHEED_SETTINGS,
  range,
  storedNumbers,
  until,
} from '../helpers/uploader.mts';

const OWNER = { node: 'camera', stream: '' };
const GAUGE = { node: 'gauge', stream: '' };

describe('the quarantine', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox;

  freshEach((fresh) => {
    ({ bench, sandbox } = fresh);
  });

  const numbersOf = (dataId: string | null) => storedNumbers(sandbox, dataId);

  /** A stream of three chunks of which the service refused the first. */
  async function withRefusedChunk(uploader: Uploader) {
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await ears.stream('opened');
    sandbox.faults.set('403', { count: 1, match: 'upload_urls' });
    await pushAll(stream, 0, 60);
    await ears.status('quarantined');
    await ears.status('drained');
    return { stream, ears };
  }

  it('lists what is in it, with the answer', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const { stream } = await withRefusedChunk(uploader);
    const [place] = await uploader.quarantine.list();
    assert.equal(place?.stream, basename(stream.folder));
    assert.equal(place.data_id, stream.dataId);
    const [chunk] = place.chunks;
    assert.deepEqual([chunk?.chunk_index, chunk?.items, chunk?.status, chunk?.code], [0, 20, 403, 'ERR_API']);
    assert.deepEqual(chunk?.files, ['000000.json', '000000.shard']);
    assert.equal(stream.health().chunks_quarantined, 1);
  });

  it('is tried again under the same index while the stream is open', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const { stream, ears } = await withRefusedChunk(uploader);
    const { chunks, revived } = await uploader.quarantine.retry({ owner: OWNER });
    assert.deepEqual([chunks.map(({ chunk_index }) => chunk_index), revived], [[0], []]);
    await stream.finalize();
    const { report, data_id } = await ears.stream('finalized');
    assert.deepEqual([report?.chunks_uploaded, report?.chunks_quarantined, report?.lost], [3, 0, []]);
    assert.equal(report?.frames, 60);
    assert.deepEqual(await numbersOf(data_id), range(0, 60));
    await until(() => !existsSync(stream.folder), 'the folder to go');
  });

  it('outlives its stream, is counted, and is tried again as a continuation', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const { stream, ears } = await withRefusedChunk(uploader);
    await stream.finalize();
    const { report } = await ears.stream('finalized');
    assert.deepEqual([report?.chunks_quarantined, report?.frames], [1, 60]);
    await until(() => uploader.streams.length === 0, 'the stream to be gone');
    await bench.release(uploader);
    const again = await bench.acquire({ endpoint: sandbox.url });
    assert.deepEqual(again.streams, []);
    assert.equal((await again.quarantine.list())[0]?.chunks.length, 1);
    const { revived } = await again.quarantine.retry();
    const later = new Ears(revived[0] as AnyStream);
    const continued = await later.stream('continued');
    assert.equal(continued.previous_data_id, stream.dataId);
    const { data_id } = await later.stream('finalized');
    assert.deepEqual(await numbersOf(data_id), range(0, 20));
    assert.equal(sandbox.stream(data_id as string)?.name, 'run (continued)');
    await until(() => !existsSync(stream.folder), 'the folder to go');
    assert.deepEqual(await again.quarantine.list(), []);
  });

  it('gives back a damaged chunk only when it holds again', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const { stream, ears } = await withRefusedChunk(uploader);
    await stream.finalize();
    await ears.stream('finalized');
    await until(() => uploader.streams.length === 0, 'the stream to be gone');
    const path = join(stream.folder, 'quarantine', '000000.shard');
    const whole = await readFile(path);
    const damaged = Buffer.from(whole);
    damaged.writeUInt8(damaged.readUInt8(60) ^ 1, 60);
    await writeFile(path, damaged);
    assert.deepEqual((await uploader.quarantine.retry()).revived, []);
    const [place] = await uploader.quarantine.list();
    assert.match(place?.chunks[0]?.reason ?? '', /checksum/);
    await writeFile(path, whole);
    assert.equal((await uploader.quarantine.retry()).revived.length, 1);
  });

  it('loses nothing when the process ends while a chunk of a finished stream comes back', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const { stream, ears } = await withRefusedChunk(uploader);
    await stream.finalize();
    await ears.stream('finalized');
    await until(() => uploader.streams.length === 0, 'the stream to be gone');
    await bench.release(uploader);
    await stream.quarantine.takeBack(0);
    const again = await bench.acquire({ endpoint: sandbox.url });
    const { data_id } = await new Ears(again.streams[0] as AnyStream).stream('finalized');
    assert.deepEqual(await numbersOf(data_id), range(0, 20));
  });

  it('is discarded by a person alone, and the report says so', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const { stream, ears } = await withRefusedChunk(uploader);
    assert.deepEqual((await uploader.quarantine.discard({ chunks: [7] })).length, 0);
    assert.deepEqual((await uploader.quarantine.discard({ chunks: [0] })).length, 1);
    assert.deepEqual(await readdir(join(stream.folder, 'quarantine')), []);
    await stream.finalize();
    const { report } = await ears.stream('finalized');
    assert.deepEqual([report?.chunks_quarantined, report?.chunks_dropped, report?.frames], [0, 1, 60]);
    assert.match(report?.lost[0]?.[1] ?? '', /^discarded: .*403/);
    await until(() => !existsSync(stream.folder), 'the folder to go');
  });

  it('of readings is tried again as well', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startTimeseries(GAUGE, { pointsPerChunk: 2, flushInterval: 0 }, {});
    const ears = new Ears(stream);
    await ears.stream('opened');
    sandbox.faults.set('403', { count: 1, match: 'chunk' });
    await stream.push([1, 2].map((time) => ({ channel: 'a', time, value: time })));
    await ears.status('quarantined');
    await uploader.quarantine.retry({ owner: GAUGE });
    await stream.finalize();
    const { report, data_id } = await ears.stream('finalized');
    assert.deepEqual([report?.points, report?.chunks_quarantined], [2, 0]);
    const points = await sandbox.readPoints(data_id as string);
    assert.deepEqual(points.a?.values, [1, 2]);
  });

  it('of a chunk before a continuation waits for the end of the stream', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const { stream, ears } = await withRefusedChunk(uploader);
    const first = stream.dataId as string;
    sandbox.faults.closeStream(first);
    await pushAll(stream, 60, 80);
    await ears.stream('continued');
    await assert.rejects(uploader.quarantine.retry(), { code: 'ERR_ACTION' });
    await stream.finalize();
    await ears.stream('finalized');
    await until(() => uploader.streams.length === 0, 'the stream to be gone');
    const { revived } = await uploader.quarantine.retry();
    const { data_id } = await new Ears(revived[0] as AnyStream).stream('finalized');
    assert.deepEqual(await numbersOf(data_id), range(0, 20));
  });

  it('keeps the folder of an ended stream while chunks of it are on their way back', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const { stream } = await withRefusedChunk(uploader);
    await stream.finalize();
    await until(() => uploader.streams.length === 0, 'the stream to be gone');
    let isBack = false;
    const retried = uploader.quarantine.retry().finally(() => {
      isBack = true;
    });
    const look = async () => {
      while (!isBack) await uploader.quarantine.removeBare();
    };
    const [{ revived }] = await Promise.all([retried, look(), look(), look(), look()]);
    const { data_id } = await new Ears(revived[0] as AnyStream).stream('finalized');
    assert.deepEqual(await numbersOf(data_id), range(0, 20));
  });

  it('is worked on by request while a process owns the spool', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const { stream, ears } = await withRefusedChunk(uploader);
    const account = dirname(stream.folder);
    const ask = (action: 'retry' | 'discard', chunks: number[] | null) =>
      requests.askOwner(account, { action, stream: basename(stream.folder), chunks });
    assert.deepEqual(await ask('discard', [5]), { chunks: [] });
    assert.deepEqual(await ask('retry', null), { chunks: [0] });
    await stream.finalize();
    const { data_id } = await ears.stream('finalized');
    assert.deepEqual(await numbersOf(data_id), range(0, 60));
    assert.deepEqual(await readdir(join(account, 'requests')), []);
  });

  it('says so when nobody answers a request', async () => {
    const asked = requests.askOwner(bench.spoolDir, { action: 'retry', stream: 'x', chunks: null }, 300);
    await assert.rejects(asked, { code: 'ERR_SPOOL' });
    assert.deepEqual(await readdir(join(bench.spoolDir, 'requests')), []);
  });
});

describe('delivered chunks', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox;

  freshEach((fresh) => {
    ({ bench, sandbox } = fresh);
  });

  async function run(keepUploaded: number, spoolMaxBytes = 1e9): Promise<string> {
    const uploader = await bench.acquire({ endpoint: sandbox.url, keepUploaded, spoolMaxBytes });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await pushAll(stream, 0, 60);
    await stream.finalize();
    await ears.stream('finalized');
    await until(() => uploader.streams.length === 0, 'the stream to be gone');
    assert.equal(uploader.spoolBytes, 0, 'what is kept does not wait');
    await bench.release(uploader);
    return stream.folder;
  }

  it('stay for the days that the account says, and go after them', async () => {
    const folder = await run(2);
    const [day] = await readdir(join(folder, 'uploaded'));
    assert.equal((await readdir(join(folder, 'uploaded', day as string))).length, 6);
    await bench.release(await bench.acquire({ endpoint: sandbox.url, keepUploaded: 2 }));
    assert.ok(existsSync(folder));
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    await until(() => !existsSync(folder), 'the folder to go');
    await bench.release(uploader);
  });

  it('give way when the spool needs the room', async () => {
    const folder = await run(2);
    const uploader = await bench.acquire({ endpoint: sandbox.url, keepUploaded: 2, spoolMaxBytes: 1 });
    const uploads = join(folder, 'uploaded');
    await until(() => !existsSync(uploads), 'the kept chunks to go');
    await bench.release(uploader);
  });
});

describe('a restart', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox | undefined;

  beforeEach(async () => {
    bench = await Bench.make();
  });

  afterEach(async () => {
    await bench.end();
    await sandbox?.close();
    sandbox = undefined;
  });

  it('knows since when a stream waits, and why', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const uploader = await bench.acquire({ endpoint });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    await pushAll(stream, 0, 20);
    await until(() => (stream.record.data.trouble?.failures ?? 0) >= 2, 'a second try');
    const { since, phase } = stream.health();
    assert.equal(phase, 'waiting');
    await bench.release(uploader);
    const again = await bench.acquire({ endpoint });
    const [found] = again.attach(OWNER.node, 'rheed', {});
    assert.deepEqual(
      [found?.health().phase, found?.health().since, found?.lastError?.code],
      ['waiting', since, 'ERR_API'],
    );
    const failures = found?.record.data.trouble?.failures ?? 0;
    await until(() => (found?.record.data.trouble?.failures ?? 0) > failures, 'another try');
    assert.equal(found?.health().since, since);
  });

  it('tries no sooner than it would have without, and not later when the clock was set', async () => {
    sandbox = await startSandbox();
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await ears.stream('opened');
    sandbox.faults.set('503', { match: 'upload_urls' });
    await pushAll(stream, 0, 20);
    await ears.status('waiting');
    await stream.record.update((data) => {
      const trouble = data.trouble as NonNullable<typeof data.trouble>;
      trouble.wait = 2000;
      trouble.next_try = Date.now() + 1e9;
    });
    await bench.release(uploader);
    sandbox.faults.clear();
    const again = await bench.acquire({ endpoint: sandbox.url });
    const asked = () => sandbox?.requests.filter(({ path }) => path.includes('upload_urls')).length;
    const before = asked();
    const [found] = again.attach(OWNER.node, 'rheed', {});
    const later = new Ears(found as AnyStream);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(asked(), before);
    await later.status('resumed');
    assert.equal((found as AnyStream).health().phase, 'streaming');
  });

  it('knows since when the key is refused, until it is accepted', async () => {
    sandbox = await startSandbox({ apiKey: 'good' });
    const account = { endpoint: sandbox.url, apiKey: 'bad' };
    const uploader = await bench.acquire(account);
    await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const { since } = await until(() => uploader.paused, 'the pause');
    await bench.release(uploader);
    const again = await bench.acquire(account);
    assert.equal((await until(() => again.paused, 'the pause')).since, since);
    await bench.release(again);
    const good = await bench.acquire({ ...account, apiKey: 'good' });
    await until(() => good.streams[0]?.dataId, 'the stream to open');
    assert.equal(good.paused, undefined);
    await bench.release(good);
    const bad = await bench.acquire(account);
    const [stream] = bad.streams;
    await pushAll(stream as never, 0, 20);
    assert.notEqual((await until(() => bad.paused, 'the pause')).since, since);
  });
});
