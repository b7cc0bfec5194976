import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { Bench, Ears, numbersIn, pushAll, RHEED_SETTINGS, range } from '../helpers/uploader.mts';
import { CAMERA, spool, spoolJson } from './helpers.mts';

describe('spool retry and discard', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox;
  let folder: string;
  let dataId: string;

  /** A stream, still open, of whose four chunks the service refused the first two; no process owns it. */
  beforeEach(async () => {
    bench = await Bench.make();
    sandbox = await startSandbox();
    const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: 1 });
    const stream = await uploader.startRheed(CAMERA, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    dataId = (await ears.stream('opened')).data_id as string;
    sandbox.faults.set('403', { count: 2, match: 'upload_urls' });
    await pushAll(stream, 0, 80);
    await ears.status('drained');
    folder = stream.folder;
    await bench.release(uploader);
    assert.deepEqual(await quarantined(), [0, 1]);
  });

  afterEach(async () => {
    await bench.end();
    await sandbox.close();
  });

  async function quarantined(): Promise<number[]> {
    interface Listed {
      accounts: { streams: { quarantine: { chunk_index: number }[] }[] }[];
    }
    const { accounts } = await spoolJson<Listed>(['list', folder]);
    return (accounts[0]?.streams[0]?.quarantine ?? []).map(({ chunk_index }) => chunk_index);
  }

  /** The numbers of the frames that arrived, once the stream was finalized. */
  async function arrived() {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const [stream] = uploader.attach(CAMERA.node, 'rheed', {});
    assert.ok(stream);
    const ears = new Ears(stream);
    await stream.finalize();
    const { report } = await ears.stream('finalized');
    const numbers: number[] = [];
    for (const { index } of sandbox.stream(dataId)?.chunks ?? [])
      numbers.push(...numbersIn(await sandbox.readFrames(dataId, index)));
    return { numbers, report };
  }

  it('sends chunks again at the next start when nothing is running', async () => {
    const { code, out } = await spool(['retry', bench.spoolDir]);
    assert.equal(code, 0, out);
    assert.match(out, /2 chunks \(0–1\) sent again at the next start of Node-RED/);
    assert.deepEqual(await quarantined(), []);
    const { numbers, report } = await arrived();
    assert.deepEqual(numbers, range(0, 80));
    assert.deepEqual([report?.chunks_quarantined, report?.lost], [0, []]);
  });

  it('sends chunks again at once by the process that owns the spool', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const [stream] = uploader.attach(CAMERA.node, 'rheed', {});
    const ears = new Ears(stream as NonNullable<typeof stream>);
    const { code, out } = await spool(['retry', folder, '--chunks', '1']);
    assert.equal(code, 0, out);
    assert.match(out, /1 chunk \(1\) sent again by the running Node-RED/);
    assert.equal((await ears.status('chunk')).chunk_index, 1);
    assert.deepEqual(await quarantined(), [0]);
    await bench.release(uploader);
    assert.deepEqual((await arrived()).numbers, range(20, 80));
  });

  it('deletes chunks only with --yes, and the report says so', async () => {
    const asked = await spool(['discard', folder, '--chunks', '0']);
    assert.equal(asked.code, 2);
    assert.match(asked.out, /would delete 1 chunk \(0\)/);
    assert.match(asked.err, /nothing was deleted/);
    assert.deepEqual(await quarantined(), [0, 1]);
    assert.equal((await spool(['discard', folder, '--chunks', '0', '--yes'])).code, 0);
    assert.ok(!existsSync(join(folder, 'quarantine', '000000.shard')));
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const { code, out } = await spool(['discard', folder, '--yes']);
    assert.equal(code, 0, out);
    assert.match(out, /1 chunk \(1\) deleted/);
    await bench.release(uploader);
    const { numbers, report } = await arrived();
    assert.deepEqual(numbers, range(40, 80));
    assert.equal(report?.chunks_dropped, 2);
    assert.deepEqual(
      report?.lost.map(([index]) => index),
      [0, 1],
    );
  });

  it('leaves a damaged chunk in quarantine and says so', async () => {
    const path = join(folder, 'quarantine', '000000.shard');
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    await writeFile(path, bytes);
    const { code, out } = await spool(['retry', folder, '--chunks', '0']);
    assert.equal(code, 1);
    assert.match(out, /checksum does not hold/);
    assert.deepEqual(await quarantined(), [0, 1]);
  });

  it('says when nothing matches, and what it did not understand', async () => {
    const nothing = await spool(['retry', folder, '--chunks', '7-9']);
    assert.deepEqual([nothing.code, nothing.out.includes('none of these')], [1, true]);
    for (const chunks of ['x', '3-1', '', '1,,2'])
      assert.equal((await spool(['retry', folder, '--chunks', chunks])).code, 2, chunks);
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    await uploader.startRheed({ node: 'other', stream: '' }, RHEED_SETTINGS, {});
    const several = await spool(['discard', bench.spoolDir, '--chunks', '0', '--yes']);
    assert.equal(several.code, 2);
    assert.match(several.err, /expected one stream's folder with --chunks, found 2/);
  });
});
