import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import checkedJson from '../../dist/uploader/spool/checked-json.js';
import { startSandbox } from '../../sandbox/server.mts';
import { Ears, pushAll, RHEED_SETTINGS, until } from '../helpers/uploader.mts';
import { CAMERA, type LeftSpool, leftSpool, remove, scratch, spool, spoolJson } from './helpers.mts';

interface Listed {
  accounts: {
    account: string;
    in_use: string;
    owner: { pid: number } | null;
    paused_since: string | null;
    // biome-ignore lint/suspicious/noExplicitAny: what programs get is checked field by field
    streams: any[];
  }[];
}

describe('spool list', function () {
  this.timeout(60_000);
  let left: LeftSpool;

  beforeEach(async () => {
    left = await leftSpool();
  });

  afterEach(() => left.bench.end());

  const listed = async (): Promise<Listed['accounts'][number]> => {
    const { accounts } = await spoolJson<Listed>(['list', left.bench.spoolDir]);
    assert.equal(accounts.length, 1);
    return accounts[0] as Listed['accounts'][number];
  };

  it('says what waits, since when and why, in lines that fit a page', async () => {
    const { code, out, err } = await spool(['list', left.bench.spoolDir]);
    assert.deepEqual([code, err], [0, '']);
    for (const line of out.split('\n')) assert.ok(line.length <= 100, `${line.length}: ${line}`);
    for (const text of [
      /not in use/,
      /run +rheed +open +70 frames/,
      /4 chunks with 70 frames, 10 frames of them in the open chunk/,
      /furnace +timeseries +open +20 points/,
      /no answer \(ECONNREFUSED\)/,
      /not opened on the service yet/,
      /uploaded +nothing yet/,
    ])
      assert.match(out, text);
    assert.ok(!out.includes('\u001B'), 'colour although nobody looks');
  });

  it('says the same to programs', async () => {
    const { account, in_use, owner, streams } = await listed();
    assert.deepEqual([account, in_use, owner], ['account', 'no', null]);
    const [rheed, series] = streams;
    assert.deepEqual(
      [rheed.folder, rheed.name, rheed.kind, rheed.state, rheed.data_id, rheed.open_items],
      [basename(left.rheed), 'run', 'rheed', 'open', null, 10],
    );
    assert.deepEqual([rheed.waiting.chunks, rheed.waiting.items], [4, 70]);
    assert.ok(rheed.waiting.bytes > 0 && Date.parse(rheed.waiting_since) > 0);
    assert.deepEqual([series.kind, series.waiting.chunks, series.waiting.items], ['timeseries', 3, 20]);
    assert.deepEqual([rheed.quarantine, rheed.lost, rheed.kept.chunks], [[], [], 0]);
  });

  it('takes the folder of an account or of one stream, too', async () => {
    const account = await spoolJson<Listed>(['list', dirname(left.rheed)]);
    assert.equal(account.accounts[0]?.streams.length, 2);
    const stream = await spoolJson<Listed>(['list', left.series]);
    assert.deepEqual(
      stream.accounts[0]?.streams.map(({ folder }) => folder),
      [basename(left.series)],
    );
  });

  it('says who uses the account, and who did not end by itself', async () => {
    const uploader = await left.bench.acquire({ endpoint: left.endpoint });
    const used = await listed();
    assert.deepEqual([used.in_use, used.owner?.pid], ['yes', process.pid]);
    assert.match((await spool(['list', left.bench.spoolDir])).out, /in use by process \d+ on /);
    await left.bench.release(uploader);
    assert.equal((await listed()).owner, null);
    const owner = {
      pid: 2 ** 22 + 1,
      host: (await import('node:os')).hostname(),
      since: new Date().toISOString(),
    };
    await writeFile(join(dirname(left.rheed), 'owner.json'), JSON.stringify(owner));
    assert.match(
      (await spool(['list', left.bench.spoolDir])).out,
      /not in use; process .* did not end by itself/,
    );
    await writeFile(join(dirname(left.rheed), 'owner.json'), JSON.stringify({ ...owner, host: 'elsewhere' }));
    assert.equal((await listed()).in_use, 'perhaps');
  });

  it('tells a paused account, a finalizing stream, one of a newer version and a damaged record', async () => {
    const uploader = await left.bench.acquire({ endpoint: left.endpoint, apiKey: '' });
    const [stream] = uploader.attach(CAMERA.node, 'rheed', {});
    await stream?.finalize();
    await until(() => uploader.paused, 'the pause');
    await left.bench.release(uploader);
    const paused = await listed();
    assert.ok(paused.paused_since !== null);
    assert.deepEqual(
      paused.streams.map(({ state }) => state),
      ['paused', 'paused'],
    );

    const path = join(left.rheed, 'stream.json');
    const record = checkedJson.decodeChecked(await readFile(path, 'utf8')) as object;
    await writeFile(path, checkedJson.encodeChecked({ ...record, version: 99 }));
    const series = join(left.series, 'stream.json');
    await writeFile(series, (await readFile(series, 'utf8')).replace('furnace', 'furnice'));
    const broken = await listed();
    assert.deepEqual(
      broken.streams.map(({ state }) => state),
      // The damaged one is known by the record before it.
      ['unreadable', 'paused'],
    );
    const problems = broken.streams.map(({ problem }) => problem).join('\n');
    assert.match(problems, /newer version/);
    assert.match(problems, /damaged \(checksum\)/);
    assert.equal(broken.streams.find(({ kind }) => kind === 'timeseries').waiting.items, 20);
  });

  it('lists what is in quarantine, what was kept, and a finished stream', async () => {
    const sandbox = await startSandbox();
    try {
      const uploader = await left.bench.acquire({
        endpoint: sandbox.url,
        uploads: 1,
        keepUploaded: 2,
        id: 'kept',
      });
      const stream = await uploader.startRheed(CAMERA, RHEED_SETTINGS, {});
      const ears = new Ears(stream);
      await ears.stream('opened');
      sandbox.faults.set('403', { count: 1, match: 'upload_urls' });
      await pushAll(stream, 0, 60);
      await ears.status('quarantined');
      await stream.finalize();
      await ears.stream('finalized');
      await left.bench.release(uploader);
      const { accounts } = await spoolJson<Listed>(['list', join(left.bench.spoolDir, 'kept')]);
      const [listed] = accounts[0]?.streams ?? [];
      assert.deepEqual([listed.state, listed.waiting.chunks, listed.uploaded], ['finished', 0, 2]);
      assert.deepEqual([listed.kept.chunks, listed.kept.items], [2, 40]);
      assert.deepEqual(
        listed.quarantine.map(({ chunk_index, items, code }: Record<string, unknown>) => [
          chunk_index,
          items,
          code,
        ]),
        [[0, 20, 'ERR_API']],
      );
      const { out } = await spool(['list', join(left.bench.spoolDir, 'kept')]);
      assert.match(out, /quarantine +chunk 0, 20 frames, since 20.*: POST/);
      assert.match(out, /kept +2 delivered chunks/);
    } finally {
      await sandbox.close();
    }
  });

  it('prints no terminal commands that a name may hold', async () => {
    const uploader = await left.bench.acquire({ endpoint: left.endpoint, id: 'other' });
    await uploader.startRheed(CAMERA, { ...RHEED_SETTINGS, streamName: 'a\u001B[2Jb\r\nc' }, {});
    const { out } = await spool(['list', join(left.bench.spoolDir, 'other')]);
    assert.match(out, /a\uFFFD\[2Jb\uFFFD\uFFFDc/);
    assert.ok(!out.includes('\u001B') && !out.includes('\r'));
  });

  describe('and wrong use', () => {
    it('names the places where it looked', async () => {
      const home = await scratch();
      const { code, err } = await spool(['list'], { env: { HOME: home, USERPROFILE: home }, cwd: home });
      assert.equal(code, 2);
      assert.ok(err.includes(join(home, '.node-red', 'atomscale-spool')), err);
      const nothing = await spool(['list', join(home, 'nowhere')]);
      assert.deepEqual([nothing.code, nothing.err.includes('nowhere')], [2, true]);
      const noSpool = await spool(['list', join(import.meta.dirname, '..')]);
      assert.equal(noSpool.code, 2);
      assert.match(noSpool.err, /neither accounts nor streams/);
      await remove(home);
    });

    it('tells what it can do', async () => {
      for (const command of ['list', 'verify', 'export', 'retry', 'discard']) {
        const { code, out } = await spool([command, '--help']);
        assert.equal(code, 0);
        assert.ok(out.includes(`spool ${command} [folder]`), out);
        for (const line of out.split('\n')) assert.ok(line.length <= 112, line);
      }
      assert.match((await spool(['--help'])).out, /retry +sends chunks in quarantine again/);
      for (const args of [
        [],
        ['lst'],
        ['list', '--to', 'x'],
        ['list', '--colour'],
        ['list', 'a', 'b'],
        ['export'],
      ])
        assert.equal((await spool(args)).code, 2, args.join(' '));
    });
  });
});
