import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import checkedJson from '../../dist/uploader/spool/checked-json.js';
import type { Sandbox } from '../../sandbox/server.mts';
import {
  type Bench,
  batch,
  Ears,
  freshEach,
  numbersIn,
  pushAll,
  RHEED_SETTINGS,
  range,
  storedNumbers,
  until,
} from '../helpers/uploader.mts';

const OWNER = { node: 'camera', stream: '' };

describe('the end of a stream', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox;

  freshEach((fresh) => {
    ({ bench, sandbox } = fresh);
  });

  it('waits for a push that was not awaited, also when it just fills a chunk', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    for (let round = 0; round < 5; round += 1) {
      const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
      const ears = new Ears(stream);
      const { data_id } = await ears.stream('opened');
      const pushed = stream.push(batch(0, 20));
      const ended = stream.finalize();
      await pushed;
      await ended;
      const { report } = await ears.stream('finalized');
      assert.deepEqual(await storedNumbers(sandbox, data_id), range(0, 20), `round ${round}`);
      assert.equal(report?.chunks_uploaded, 1);
    }
  });

  it('waits for the first push of a stream that data opens', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {}, undefined, true);
    const ears = new Ears(stream);
    const pushed = stream.push(batch(0, 7));
    await stream.finalize();
    await pushed;
    const { data_id } = await ears.stream('finalized');
    assert.deepEqual(await storedNumbers(sandbox, data_id), range(0, 7));
  });

  it('refuses data once it is under way', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await pushAll(stream, 0, 20);
    await ears.status('drained');
    sandbox.faults.set('hold', { match: '/end' });
    await stream.finalize();
    await until(() => sandbox.faults.held > 0, 'held');
    await assert.rejects(stream.push(batch(20, 5)), { code: 'ERR_NOT_STARTED' });
    sandbox.faults.clear();
    await ears.stream('finalized');
  });

  it('waits for a full chunk that the disk refuses to seal', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    const { data_id } = await ears.stream('opened');
    await mkdir(join(stream.folder, '000000.json'));
    await pushAll(stream, 0, 20);
    await stream.finalize();
    await sleep(500);
    await rm(join(stream.folder, '000000.json'), { recursive: true });
    await ears.stream('finalized');
    assert.deepEqual(await storedNumbers(sandbox, data_id), range(0, 20));
  });

  it('comes with corrected settings when opening was refused before', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const editor = { ...RHEED_SETTINGS, physicalSample: '99999999-9999-4999-8999-999999999999' };
    const stream = await uploader.startRheed(OWNER, editor, editor);
    const ears = new Ears(stream);
    await ears.stream('failed');
    await pushAll(stream, 0, 25);
    await stream.finalize();
    uploader.attach(OWNER.node, 'rheed', { ...editor, physicalSample: 'GaN-001' });
    await until(() => ears.streams.find((e) => e.event === 'finalized'), 'finalized', 10);
  });

  it('comes when the last waiting chunk is dropped', async () => {
    const uploader = await bench.acquire({
      endpoint: sandbox.url,
      spoolMaxBytes: 4000,
      whenFull: 'drop-oldest',
    });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await ears.stream('opened');
    await sleep(100);
    sandbox.faults.set('500', { match: 'upload_urls' });
    await pushAll(stream, 0, 20);
    await ears.status('waiting');
    await stream.finalize();
    const other = await uploader.startRheed({ node: 'other', stream: '' }, RHEED_SETTINGS, {});
    for (let i = 0; i < 20 && !ears.statuses.some((s) => s.event === 'dropped'); i += 1) {
      await pushAll(other, i * 20, i * 20 + 20, 20);
      await sleep(200);
    }
    assert.ok(ears.statuses.some((s) => s.event === 'dropped'));
    await until(() => ears.streams.find((e) => e.event === 'finalized'), 'finalized', 10);
  });

  it('waits for the key when everything is forbidden', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await ears.stream('opened');
    await sleep(200);
    sandbox.faults.set('403');
    await stream.finalize();
    await sleep(1500);
    assert.equal(
      ears.streams.some((e) => e.event === 'finalized'),
      false,
    );
    assert.equal(stream.health().phase, 'paused');
  });

  it('waits for the open chunk to be sealed and queued, however often it is asked', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    for (let round = 0; round < 10; round += 1) {
      const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
      const ears = new Ears(stream);
      await ears.stream('opened');
      await pushAll(stream, 0, 5);
      const asked = stream.finalize();
      while (
        stream.report().chunks_uploaded === 0 &&
        !ears.streams.some(({ event }) => event === 'finalized')
      ) {
        stream.tick();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await asked;
      const { data_id, report } = await ears.stream('finalized');
      assert.deepEqual(report?.lost, []);
      assert.deepEqual(numbersIn(await sandbox.readFrames(data_id as string, 0)), [0, 1, 2, 3, 4]);
    }
  });

  it('leaves no folder when the process ends between the record and the removal', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await pushAll(stream, 0, 20);
    await ears.status('drained');
    const path = join(stream.folder, 'stream.json');
    const before = checkedJson.decodeChecked(await readFile(path, 'utf8')) as object;
    await stream.finalize();
    await ears.stream('finalized');
    await bench.release(uploader);
    await mkdir(stream.folder, { recursive: true });
    await writeFile(path, checkedJson.encodeChecked({ ...before, finalize: 'done' }));
    await bench.acquire({ endpoint: sandbox.url });
    const names = await readdir(join(bench.spoolDir, 'account'));
    assert.deepEqual(
      names.filter((name) => name.startsWith('rheed')),
      [],
    );
  });
});
