import assert from 'node:assert/strict';
import { type FaultName, type FaultOptions, type Sandbox, startSandbox } from '../../sandbox/server.mts';
import {
  Bench,
  batch,
  Ears,
  freePort,
  pushAll,
  RHEED_SETTINGS,
  range,
  storedNumbers,
  until,
} from '../helpers/uploader.mts';

const OWNER = { node: 'camera', stream: '' };
/** A chunk of the caller's in one push. */
const whole = (chunkIndex: number) => ({ chunkIndex, before: 0, more: false, lent: false });

/** All frames of a stream in the order of its chunks. */
describe('delivery', function () {
  this.timeout(90_000);
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

  it('starts offline: all arrives, and the data_id, once the server is there', async () => {
    const port = await freePort();
    const uploader = await bench.acquire({ endpoint: `http://127.0.0.1:${port}` });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await pushAll(stream, 0, 50);
    const waiting = await ears.status('waiting');
    assert.equal(waiting.error?.code, 'ERR_API');
    assert.equal(waiting.data_id, null);
    sandbox = await startSandbox({ port });
    const { data_id } = await ears.stream('opened');
    await stream.finalize();
    const { report } = await ears.stream('finalized');
    assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(0, 50));
    assert.deepEqual([report?.frames, report?.chunks_uploaded, report?.lost], [50, 3, []]);
    assert.ok(ears.statuses.some(({ event }) => event === 'resumed'));
    assert.deepEqual(sandbox.complaints, []);
  });

  const faults: [FaultName, FaultOptions][] = [
    ['500', { count: 3 }],
    ['503', { count: 2, match: '/end' }],
    ['429', { count: 2, retryAfter: 1 }],
    ['expired', { count: 2 }],
    ['s3RequestTimeout', { count: 2 }],
    ['reset-before', { count: 3 }],
    ['reset-after', { count: 3, match: 'PUT' }],
    ['down', { count: 4 }],
  ];
  for (const [name, options] of faults) {
    it(`loses nothing to ${name}`, async () => {
      sandbox = await startSandbox();
      const uploader = await bench.acquire({ endpoint: sandbox.url });
      const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
      const ears = new Ears(stream);
      const { data_id } = await ears.stream('opened');
      sandbox.faults.set(name, options);
      await pushAll(stream, 0, 90);
      await stream.finalize();
      const { report } = await ears.stream('finalized');
      assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(0, 90));
      assert.deepEqual([report?.chunks_uploaded, report?.chunks_quarantined, report?.lost], [5, 0, []]);
    });
  }

  it('keeps everything while the key is refused, and sends it with the right one', async () => {
    sandbox = await startSandbox({ apiKey: 'right' });
    const wrong = await bench.acquire({ endpoint: sandbox.url, apiKey: 'wrong' });
    const stream = await wrong.startRheed(OWNER, RHEED_SETTINGS, {});
    await pushAll(stream, 0, 45);
    await until(() => stream.health().phase === 'paused', 'the pause');
    assert.equal(stream.status().error?.code, 'ERR_AUTH');
    await bench.release(wrong);

    const right = await bench.acquire({ endpoint: sandbox.url, apiKey: 'right' });
    const [found] = right.attach(OWNER.node, 'rheed', {});
    assert.ok(found);
    const ears = new Ears(found);
    const { data_id } = await ears.stream('opened');
    await found.finalize();
    await ears.stream('finalized');
    assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(0, 45));
  });

  it('goes on under the same data_id after a restart', async () => {
    sandbox = await startSandbox();
    const first = await bench.acquire({ endpoint: sandbox.url });
    const stream = await first.startRheed(OWNER, RHEED_SETTINGS, {});
    const { data_id } = await new Ears(stream).stream('opened');
    await pushAll(stream, 0, 33);
    await bench.release(first);

    const second = await bench.acquire({ endpoint: sandbox.url });
    const [found] = second.attach(OWNER.node, 'rheed', {});
    assert.equal(found?.dataId, data_id);
    const again = found as typeof stream;
    const ears = new Ears(again);
    await pushAll(again, 33, 60);
    await again.finalize();
    const { report } = await ears.stream('finalized');
    assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(0, 60));
    assert.equal(report?.frames, 60);
  });

  it('takes what waits to a continuation when the service has closed the stream', async () => {
    sandbox = await startSandbox();
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const settings = { ...RHEED_SETTINGS, physicalSample: 'GaN-001', tags: 'golden' };
    const stream = await uploader.startRheed(OWNER, settings, {});
    const ears = new Ears(stream);
    const { data_id: before } = await ears.stream('opened');
    await pushAll(stream, 0, 40);
    await until(() => stream.status().chunks_uploaded === 2, 'two chunks');
    sandbox.faults.closeStream(before as string);
    await pushAll(stream, 40, 95);
    const continued = await ears.stream('continued');
    assert.equal(continued.previous_data_id, before);
    await stream.finalize();
    await ears.stream('finalized');
    const after = sandbox.stream(continued.data_id as string);
    assert.equal(after?.name, 'run (continued)');
    assert.equal(after?.sample?.name, 'GaN-001');
    assert.deepEqual(
      after?.tags.map(({ name }) => name),
      ['golden'],
    );
    assert.deepEqual(
      after?.chunks.map(({ index }) => index),
      [0, 1, 2],
    );
    assert.deepEqual(await storedNumbers(sandbox, before as string), range(0, 40));
    assert.deepEqual(await storedNumbers(sandbox, continued.data_id as string), range(40, 95));
  });

  it('refuses a chunk from before the beginning of the continuation', async () => {
    sandbox = await startSandbox();
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    const { data_id } = await ears.stream('opened');
    sandbox.faults.closeStream(data_id as string);
    for (const index of [0, 1, 2, 3]) await stream.push(batch(index * 20, 20), whole(index));
    await ears.stream('continued');
    await until(() => stream.status().chunks_pending === 0, 'the first four');
    const again = sandbox.stream(stream.dataId as string);
    assert.deepEqual(
      again?.chunks.map(({ index }) => index),
      [0, 1, 2, 3],
    );
    sandbox.faults.closeStream(stream.dataId as string);
    await stream.push(batch(80, 20), whole(4));
    await until(() => ears.streams.filter(({ event }) => event === 'continued').length === 2, 'the second');
    await assert.rejects(stream.push(batch(0, 20), whole(3)), {
      code: 'ERR_VALUE',
      message: /expected 4 or more/,
    });
    await stream.finalize();
    const { report } = await ears.stream('finalized');
    assert.deepEqual([report?.chunks_uploaded, report?.lost], [5, []]);
    assert.deepEqual(sandbox.complaints, []);
  });

  it('quarantines a refused chunk alone, with the answer, and reports it', async () => {
    sandbox = await startSandbox();
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await ears.stream('opened');
    sandbox.faults.set('403', { count: 1, match: 'upload_urls' });
    await pushAll(stream, 0, 60);
    await stream.finalize();
    const { report, data_id } = await ears.stream('finalized');
    assert.deepEqual([report?.chunks_uploaded, report?.chunks_quarantined], [2, 1]);
    assert.match(report?.lost[0]?.[1] ?? '', /403/);
    assert.equal((await ears.status('quarantined')).chunk_index, 0);
    assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(20, 60));
  });

  it('quarantines nothing for a 403 as long as it is not known what that is about', async () => {
    sandbox = await startSandbox();
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await ears.stream('opened');
    sandbox.faults.set('403', { count: 1, match: 'upload_urls' });
    sandbox.faults.set('500', { count: 1, match: 'physical_samples' });
    await pushAll(stream, 0, 20);
    await stream.finalize();
    const { report, data_id } = await ears.stream('finalized');
    assert.deepEqual([report?.chunks_uploaded, report?.chunks_quarantined], [1, 0]);
    assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(0, 20));
  });

  it('keeps spooling when the sample does not exist, and opens with corrected settings', async () => {
    sandbox = await startSandbox();
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const unknown = '99999999-9999-4999-8999-999999999999';
    const editor = { ...RHEED_SETTINGS, physicalSample: unknown };
    const stream = await uploader.startRheed(OWNER, editor, editor);
    const ears = new Ears(stream);
    const failed = await ears.stream('failed');
    assert.match(failed.error?.message ?? '', new RegExp(unknown));
    await until(() => ears.problems[0], 'the problem');
    await pushAll(stream, 0, 25);
    uploader.attach(OWNER.node, 'rheed', { ...editor, physicalSample: 'GaN-001' });
    const { data_id } = await ears.stream('opened');
    await stream.finalize();
    await ears.stream('finalized');
    assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(0, 25));
  });

  it('ends a refused stream under the corrected sample when its chunks were made otherwise', async () => {
    sandbox = await startSandbox();
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const editor = { ...RHEED_SETTINGS, physicalSample: '99999999-9999-4999-8999-999999999999' };
    const stream = await uploader.startRheed(OWNER, editor, editor);
    const ears = new Ears(stream);
    await ears.stream('failed');
    await pushAll(stream, 0, 45);
    uploader.attach(OWNER.node, 'rheed', { ...editor, physicalSample: 'GaN-001', fps: 5, chunkSize: 10 });
    const { data_id, report } = await ears.stream('finalized');
    assert.deepEqual([report?.chunks_uploaded, report?.lost], [3, []]);
    assert.equal(sandbox.stream(data_id as string)?.fps, 10);
    assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(0, 45));
  });

  it('goes on with the data when a link fails, and names it', async () => {
    sandbox = await startSandbox();
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    sandbox.faults.set('403', { count: 1, match: 'data_entries/physical_sample' });
    const stream = await uploader.startRheed(OWNER, { ...RHEED_SETTINGS, physicalSample: 'GaN-001' }, {});
    const ears = new Ears(stream);
    const { data_id } = await ears.stream('opened');
    await pushAll(stream, 0, 20);
    await stream.finalize();
    await ears.stream('finalized');
    const problem = await until(() => ears.problems[0], 'the problem');
    assert.match(problem.message, new RegExp(`${data_id}.*physical sample`));
    assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(0, 20));
  });

  it('shares the uploads: a short stream is not held up by a long backlog', async () => {
    sandbox = await startSandbox();
    sandbox.faults.set('down');
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const long = await uploader.startRheed({ node: 'long', stream: '' }, RHEED_SETTINGS, {});
    await pushAll(long, 0, 600, 20);
    const short = await uploader.startRheed({ node: 'short', stream: '' }, RHEED_SETTINGS, {});
    await pushAll(short, 0, 20, 20);
    sandbox.faults.clear();
    await until(() => short.status().chunks_uploaded === 1, 'the short stream');
    const isAhead = long.status().chunks_pending > 0;
    await until(() => long.status().chunks_pending === 0, 'the backlog');
    assert.ok(isAhead, 'the short stream waited for the whole backlog');
  });

  it('refuses the newest data when the spool is full, and takes data again when there is room', async () => {
    const port = await freePort();
    const uploader = await bench.acquire({ endpoint: `http://127.0.0.1:${port}`, spoolMaxBytes: 4000 });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    let accepted = 0;
    await assert.rejects(
      async () => {
        for (; ; accepted += 20) await pushAll(stream, accepted, accepted + 20, 20);
      },
      { code: 'ERR_SPOOL_FULL' },
    );
    assert.ok(accepted > 0);
    sandbox = await startSandbox({ port });
    await until(() => stream.status().chunks_pending === 0, 'the spool to empty');
    await pushAll(stream, accepted, accepted + 20, 20);
    const ears = new Ears(stream);
    await stream.finalize();
    const { data_id } = await ears.stream('finalized');
    assert.deepEqual(await storedNumbers(sandbox, data_id as string), range(0, accepted + 20));
  });

  it('drops the oldest chunk, counted, when told so', async () => {
    const port = await freePort();
    const options = {
      endpoint: `http://127.0.0.1:${port}`,
      spoolMaxBytes: 20_000,
      whenFull: 'drop-oldest' as const,
    };
    const uploader = await bench.acquire(options);
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await pushAll(stream, 0, 200, 20);
    await ears.status('dropped');
    sandbox = await startSandbox({ port });
    await stream.finalize();
    const { report, data_id } = await ears.stream('finalized');
    const numbers = await storedNumbers(sandbox, data_id as string);
    assert.ok((report?.chunks_dropped ?? 0) > 0);
    assert.deepEqual(numbers.slice(-20), range(180, 200));
    assert.equal(report?.lost.length, report?.chunks_dropped);
    assert.equal(numbers.length + 20 * (report?.chunks_dropped ?? 0), 200);
  });
});
