import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { encodeChecked } from '../../dist/uploader/spool/checked-json.js';
import { framesIn, HEIGHT, hashedFrame, hashedReading, readingsIn, WIDTH } from '../helpers/hashed.mts';
import { NodeRed } from '../helpers/node-red.mts';
import { flowOf, NodesBench, RHEED, SERIES } from '../helpers/nodes-bench.mts';
import { SmallDisk } from '../helpers/small-disk.mts';

const rheed = { width: WIDTH, height: HEIGHT, chunkSize: 20 };
const ERROR = 20;

describe('a spool folder', function () {
  this.timeout(60_000);
  let bench: NodesBench;

  afterEach(() => bench?.close());

  /** Sends a numbered message to each node; the codes of their errors. */
  async function sendBoth(red: NodeRed, number: number): Promise<unknown[]> {
    const ends = [
      await red.send(RHEED, { payload: hashedFrame(0, number) }),
      await red.send(SERIES, hashedReading(number)),
    ];
    return ends.map(({ error }) => error?.code);
  }

  /** Errors in the log that are of this kind; what messages ended with goes to the Catch node. */
  const said = (red: NodeRed, text: RegExp): string[] =>
    red.logs.filter((line) => line.level <= ERROR && text.test(line.text)).map((line) => line.text);

  const isRed = (red: NodeRed): boolean => [RHEED, SERIES].every((node) => red.status(node)?.fill === 'red');

  /** What the service has in the end. */
  async function stored(): Promise<[number[], number[]]> {
    for (const node of [RHEED, SERIES]) await bench.red.send(node, { action: 'finalize' });
    await bench.until('rheed:1', 'finalized');
    await bench.until('series:1', 'finalized');
    const frames: number[] = [];
    const readings: number[] = [];
    for (const { data_id, kind } of bench.sandbox.streams()) {
      if (kind === 'timeseries') readings.push(...readingsIn(await bench.sandbox.readPoints(data_id)));
      else
        for (const { index } of bench.sandbox.stream(data_id)?.chunks ?? [])
          frames.push(...framesIn(0, await bench.sandbox.readFrames(data_id, index)));
    }
    return [frames, readings];
  }

  it('that vanishes: every message is refused, nodes red; back again all goes on, nothing is lost', async () => {
    bench = await NodesBench.open({ rheed });
    const spool = path.join(bench.red.userDir, 'atomscale-spool');
    const confirmed: number[] = [];
    for (let number = 0; number < 30; number += 1) {
      assert.deepEqual(await sendBoth(bench.red, number), [undefined, undefined]);
      confirmed.push(number);
    }
    await rename(spool, `${spool}.away`);
    await bench.red.waitFor(() => isRed(bench.red), 'both nodes to be red');
    for (let number = 100; number < 110; number += 1)
      assert.deepEqual(await sendBoth(bench.red, number), ['ERR_SPOOL', 'ERR_SPOOL']);
    const errors = said(bench.red, /gone: expected the spool folder/);
    assert.equal(errors.length, 2, `once a node: ${errors.join('\n')}`);
    await rename(`${spool}.away`, spool);
    await bench.red.waitFor(() => !isRed(bench.red), 'the nodes to find it again');
    for (let number = 200; number < 230; number += 1) {
      assert.deepEqual(await sendBoth(bench.red, number), [undefined, undefined]);
      confirmed.push(number);
    }
    assert.deepEqual(await stored(), [confirmed, confirmed]);
  });

  it('that was deleted: refused until a deploy begins another', async () => {
    bench = await NodesBench.open({ rheed });
    await sendBoth(bench.red, 0);
    await rm(path.join(bench.red.userDir, 'atomscale-spool'), { recursive: true, maxRetries: 10 });
    await bench.red.waitFor(() => isRed(bench.red), 'both nodes to be red');
    assert.deepEqual(await sendBoth(bench.red, 1), ['ERR_SPOOL', 'ERR_SPOOL']);
    await bench.red.deploy(flowOf(bench.sandbox.url, bench.options), 'full');
    assert.deepEqual(await sendBoth(bench.red, 2), [undefined, undefined]);
  });

  it('in use by another Node-RED: one plain error a node; taken over when that one ends', async () => {
    const account = { spoolDir: await mkdtemp(path.join(tmpdir(), 'atomscale-spool-')) };
    bench = await NodesBench.open({ account, rheed });
    await sendBoth(bench.red, 0);
    const flow = flowOf(bench.sandbox.url, { account, rheed });
    const other = await NodeRed.start({ editor: false, flow, credentials: { account: { apiKey: 'k' } } });
    try {
      for (let number = 100; number < 110; number += 1)
        assert.deepEqual(await sendBoth(other, number), ['ERR_SPOOL', 'ERR_SPOOL']);
      await other.waitFor(() => isRed(other), 'both nodes to be red');
      // Tried again every five seconds, without a word.
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      const errors = said(other, /in use by another process \(pid \d+ on .*stop the other Node-RED/s);
      assert.equal(errors.length, 2, `once a node: ${errors.join('\n')}`);
      assert.deepEqual(await sendBoth(bench.red, 1), [undefined, undefined]);
      await bench.red.kill();
      await other.waitFor(() => !isRed(other), 'the other one to take over');
      assert.deepEqual(await sendBoth(other, 2), [undefined, undefined]);
    } finally {
      await bench.red.dispose();
      bench.red = other;
    }
    assert.deepEqual(await stored(), [
      [0, 1, 2],
      [0, 1, 2],
    ]);
    await rm(account.spoolDir, { recursive: true, maxRetries: 10 });
  });

  for (const isNew of [true, false])
    it(`that cannot be written${isNew ? '' : ', though it is there'}: one plain error a node; goes on by itself`, async function () {
      const disk = await SmallDisk.mount(4 * 2 ** 20);
      if (disk === undefined) return this.skip();
      try {
        if (!isNew) await mkdir(path.join(disk.path, 'account'));
        await disk.setReadOnly(true);
        bench = await NodesBench.open({ rheed, account: { spoolDir: disk.path } });
        for (let number = 0; number < 10; number += 1)
          assert.deepEqual(await sendBoth(bench.red, number), ['ERR_SPOOL', 'ERR_SPOOL']);
        const errors = said(bench.red, /EROFS|Read-only file system/);
        assert.equal(errors.length, 2, `once a node: ${errors.join('\n')}`);
        await bench.red.waitFor(() => isRed(bench.red), 'both nodes to be red');
        await disk.setReadOnly(false);
        await bench.red.waitFor(() => !isRed(bench.red), 'the nodes to go on');
        assert.deepEqual(await sendBoth(bench.red, 10), [undefined, undefined]);
        assert.deepEqual(await stored(), [[10], [10]]);
        await bench.close();
      } finally {
        await disk.remove();
      }
    });

  it('with a stream of a newer version: named once, left alone, all else works', async () => {
    bench = await NodesBench.open({ rheed });
    await sendBoth(bench.red, 0);
    await bench.red.kill();
    const folder = path.join(bench.red.userDir, 'atomscale-spool', 'account', 'rheed-of-tomorrow');
    const record = path.join(folder, 'stream.json');
    await mkdir(folder);
    await writeFile(record, encodeChecked({ version: 99, surprise: true }));
    await bench.killAndRestart();
    assert.deepEqual(await sendBoth(bench.red, 1), [undefined, undefined]);
    const errors = said(bench.red, /written by a newer version \(format 99/);
    assert.equal(errors.length, 1, errors.join('\n'));
    assert.deepEqual(await stored(), [
      [0, 1],
      [0, 1],
    ]);
    await assert.doesNotReject(writeFile(record, '', { flag: 'r+' }), 'it is still there');
  });
});
