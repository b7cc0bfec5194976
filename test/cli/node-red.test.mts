import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { NodesBench, RHEED, SERIES } from '../helpers/nodes-bench.mts';
import { remove, runProgram, scratch, spool, spoolJson } from './helpers.mts';

const ROOT = join(import.meta.dirname, '..', '..');
const frames = (count: number): Buffer => Buffer.alloc(8 * count, 3);

interface Listed {
  accounts: {
    in_use: string;
    owner: { pid: number } | null;
    streams: { kind: string; state: string; data_id: string | null; quarantine: unknown[]; folder: string }[];
  }[];
}

describe('the spool on the command line, beside Node-RED', function () {
  this.timeout(120_000);
  let bench: NodesBench;
  let to: string;

  beforeEach(async () => {
    bench = await NodesBench.open();
    to = await scratch();
  });

  afterEach(async () => {
    await bench.close();
    await remove(to);
  });

  const spoolDir = (): string => join(bench.red.userDir, 'atomscale-spool');

  it('lists, verifies and exports what a running Node-RED writes, and disturbs nothing', async () => {
    bench.sandbox.faults.set('down');
    let isOn = true;
    let sent = 0;
    const feed = (async () => {
      for (; isOn; sent += 1) {
        const done = await bench.red.send(RHEED, { payload: frames(7) });
        assert.equal(done.error, undefined);
        await bench.red.send(SERIES, { payload: { temperature: sent } });
        await sleep(5);
      }
    })();
    try {
      await bench.red.waitFor(() => sent > 10, 'the first frames');
      const { accounts } = await spoolJson<Listed>(['list', spoolDir()]);
      assert.deepEqual([accounts[0]?.in_use, accounts[0]?.owner?.pid], ['yes', bench.red.pid]);
      assert.deepEqual(accounts[0]?.streams.map(({ kind }) => kind).sort(), ['rheed', 'timeseries']);
      const verified = await spool(['verify', spoolDir()]);
      assert.equal(verified.code, 0, verified.out);
      const atLeast = sent * 7;
      const exported = await spool(['export', spoolDir(), '--to', to]);
      assert.equal(exported.code, 0, exported.out);
      const [rheed] = (await readdir(to)).filter((name) => name.startsWith('rheed'));
      const metadata = join(to, rheed as string, 'frames.zarr', 'frames', 'zarr.json');
      const { shape } = JSON.parse(await readFile(metadata, 'utf8')) as { shape: number[] };
      assert.ok((shape[0] as number) >= atLeast, `${shape[0]} of ${atLeast} frames`);
    } finally {
      isOn = false;
      await feed;
    }
    bench.sandbox.faults.clear();
    await bench.red.send(RHEED, { action: 'finalize' });
    const { report } = (await bench.until('rheed:1', 'finalized')) as unknown as {
      report: { frames: number };
    };
    assert.equal(report.frames, sent * 7);
  });

  it('verifies and exports what a killed one left', async () => {
    bench.sandbox.faults.set('down');
    for (let n = 0; n < 7; n += 1) await bench.red.send(RHEED, { payload: frames(7) });
    await bench.red.kill('SIGKILL');
    const { out } = await spool(['list', spoolDir()]);
    assert.match(out, /not in use; process \d+ on \S+ did not end by itself/);
    assert.match(out, /49 frames, 9 frames of them in the open chunk/);
    assert.equal((await spool(['verify', spoolDir()])).code, 0);
    const exported = await spool(['export', spoolDir(), '--to', to]);
    assert.deepEqual([exported.code, /: 49 frames to/.test(exported.out)], [0, true], exported.out);
  });

  it('has a running Node-RED send a refused chunk again', async () => {
    bench.sandbox.faults.set('403', { count: 1, match: 'upload_urls' });
    await bench.red.send(RHEED, { payload: frames(20) });
    await bench.until('rheed:2', 'quarantined');
    const { code, out } = await spool(['retry', spoolDir()]);
    assert.equal(code, 0, out);
    await bench.until('rheed:2', 'chunk');
    const { accounts } = await spoolJson<Listed>(['list', spoolDir()]);
    assert.deepEqual(accounts[0]?.streams[0]?.quarantine, []);
  });
});

describe('the packed package', function () {
  this.timeout(120_000);

  it('brings the command line', async () => {
    const folder = await scratch();
    try {
      const run = promisify(execFile);
      const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
      await run(npm, ['pack', '--ignore-scripts', '--pack-destination', folder], {
        cwd: ROOT,
        shell: process.platform === 'win32',
      });
      const [archive] = await readdir(folder);
      await run('tar', ['-xzf', join(folder, archive as string), '-C', folder]);
      const { bin } = JSON.parse(await readFile(join(folder, 'package', 'package.json'), 'utf8'));
      // Its dependencies, as an installation puts them beside it.
      for (const name of ['undici', 'valibot']) {
        const link = join(folder, 'package', 'node_modules', name);
        await mkdir(dirname(link), { recursive: true });
        await symlink(join(ROOT, 'node_modules', name), link, 'junction');
      }
      const program = join(folder, 'package', bin['node-red-atomscale']);
      assert.ok(existsSync(program));
      const { code, out } = await runProgram(process.execPath, [program, 'spool', '--help']);
      assert.equal(code, 0);
      assert.match(out, /export +writes streams as Zarr, TIFF or CSV/);
      await mkdir(join(folder, 'spool'));
      const empty = await runProgram(process.execPath, [program, 'spool', 'list', join(folder, 'spool')]);
      assert.deepEqual([empty.code, empty.out], [0, 'the spool is empty\n'], empty.err);
    } finally {
      await remove(folder);
    }
  });
});
