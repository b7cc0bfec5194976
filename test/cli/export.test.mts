import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import checkedJson from '../../dist/uploader/spool/checked-json.js';
import { startSandbox } from '../../sandbox/server.mts';
import { python } from '../helpers/python.mts';
import { batch, Ears, numberedFrame, pushAll, RHEED_SETTINGS, range, until } from '../helpers/uploader.mts';
import { CAMERA, FIRST, footprint, type LeftSpool, leftSpool, remove, scratch, spool } from './helpers.mts';

const run = promisify(execFile);

interface ReadZarr {
  shape: number[];
  shards: number[];
  chunks: number[];
  attributes: {
    stream: string;
    data_ids: (string | null)[];
    missing_chunks: [number, number, string][];
    damaged_chunks: { chunk: number; detail: string; exported: number }[];
  };
  frames: string[];
  times: (number | null)[];
  chunk: number[];
}

const hashOf = (number: number): string => createHash('sha256').update(numberedFrame(number)).digest('hex');
const NUMBERS = new Map(range(0, 300).map((number) => [hashOf(number), number]));

describe('spool export', function () {
  this.timeout(60_000);
  let interpreter: string | undefined;
  let left: LeftSpool;
  let to: string;

  before(async function () {
    this.timeout(600_000);
    const found = await python();
    if ('skip' in found) console.log(`      without an oracle: ${found.skip}`);
    else interpreter = found.path;
  });

  beforeEach(async () => {
    left = await leftSpool();
    to = await scratch();
  });

  afterEach(async () => {
    await left.bench.end();
    await remove(to);
  });

  async function read<T>(test: Mocha.Context, kind: 'zarr' | 'tiff', folder = to): Promise<T> {
    if (interpreter === undefined) test.skip();
    const script = join(import.meta.dirname, 'read_export.py');
    const { stdout } = await run(interpreter as string, [script, kind, folder], { maxBuffer: 1e8 });
    return JSON.parse(stdout) as T;
  }

  /** Numbers of the frames as zarr-python reads them; NaN for one that was never sent. */
  const numbersIn = ({ frames }: ReadZarr): number[] => frames.map((hash) => NUMBERS.get(hash) ?? Number.NaN);

  async function flip(path: string, at: number): Promise<void> {
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0x55, at);
    await writeFile(path, bytes);
  }

  it('writes a RHEED stream as Zarr, the open chunk too, and changes nothing in the spool', async function () {
    const before = await footprint(left.bench.spoolDir);
    const { code, out, err } = await spool(['export', left.rheed, '--to', to]);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^run, rheed-\S+: 70 frames to/);
    assert.deepEqual(await footprint(left.bench.spoolDir), before);
    // Whole chunks are copied as they are.
    const copied = await readFile(join(to, 'frames.zarr', 'frames', 'c', '1', '0', '0'));
    assert.ok(copied.equals(await readFile(join(left.rheed, '000001.shard'))));
    const found = await read<ReadZarr>(this, 'zarr');
    assert.deepEqual(
      [found.shape, found.shards, found.chunks],
      [
        [70, 12, 16],
        [20, 12, 16],
        [1, 12, 16],
      ],
    );
    assert.deepEqual(numbersIn(found), range(0, 70));
    assert.deepEqual(
      found.chunk,
      range(0, 70).map((n) => Math.floor(n / 20)),
    );
    assert.deepEqual(
      found.times.map((time) => Math.round((time as number) * 1000)),
      range(0, 70).map((n) => 1_700_000_000_000 + n * 100),
    );
    const { stream, missing_chunks, damaged_chunks } = found.attributes;
    assert.deepEqual([stream, missing_chunks, damaged_chunks], ['run', [], []]);
  });

  it('fits chunks of any length into the array', async function () {
    const uploader = await left.bench.acquire({ endpoint: left.endpoint, id: 'other' });
    const stream = await uploader.startRheed(CAMERA, RHEED_SETTINGS, {});
    let number = 0;
    for (const count of [20, 7, 20, 20, 1, 33, 19]) {
      await stream.push(batch(number, count));
      await stream.flush();
      number += count;
    }
    await left.bench.release(uploader);
    assert.equal((await spool(['export', stream.folder, '--to', to])).code, 0);
    const found = await read<ReadZarr>(this, 'zarr');
    assert.deepEqual(numbersIn(found), range(0, 120));
    assert.deepEqual([found.chunk[26], found.chunk[27], found.chunk[119]], [1, 2, 7]);
  });

  it('exports what holds of damaged chunks, names them, and leaves no gap for those that are missing', async function () {
    // A frame in the middle of the open chunk; a sealed chunk without its end; one that is gone.
    await flip(join(left.rheed, '000003.open'), 32 + 32 * 4 + 3);
    await truncate(
      join(left.rheed, '000002.shard'),
      (await stat(join(left.rheed, '000002.shard'))).size - 700,
    );
    for (const ending of ['shard', 'json']) await remove(join(left.rheed, `000001.${ending}`));
    const { code, out } = await spool(['export', left.rheed, '--to', to]);
    assert.equal(code, 1);
    assert.match(
      out,
      /damaged +chunk 2: its index does not hold; expected \d+ bytes.* of it exported,\s+perhaps changed/s,
    );
    assert.match(out, /damaged +chunk 3: frames 4 do not hold; 9 frames of it exported/);
    assert.match(out, /missing +chunk 1: not here: delivered, and not kept/);
    const found = await read<ReadZarr>(this, 'zarr');
    const numbers = numbersIn(found);
    const held = numbers.filter((n) => n >= 40 && n < 60);
    assert.ok(held.length > 10 && held.length < 20, String(held));
    assert.deepEqual(numbers, [...range(0, 20), ...held, ...range(60, 64), ...range(65, 70)]);
    assert.deepEqual(found.attributes.missing_chunks, [[1, 1, 'not here: delivered, and not kept']]);
    assert.deepEqual(
      found.attributes.damaged_chunks.map(({ chunk, exported }) => [chunk, exported]),
      [
        [2, held.length],
        [3, 9],
      ],
    );
  });

  it('exports a stream whose record is damaged by the one before it, else without times', async function () {
    await flip(join(left.rheed, 'stream.json'), 40);
    const { code, out } = await spool(['export', left.rheed, '--to', join(to, 'before')]);
    assert.equal(code, 1);
    assert.match(out, /^run, .*damaged +\S+stream\.json: damaged\s+\(checksum\)/s);
    await remove(join(left.rheed, 'stream.json.old'));
    assert.equal((await spool(['export', left.rheed, '--to', join(to, 'without')])).code, 1);
    const before = await read<ReadZarr>(this, 'zarr', join(to, 'before'));
    assert.deepEqual(numbersIn(before), range(0, 70));
    assert.equal(before.times.at(-1), 1_700_000_006.9);
    const found = await read<ReadZarr>(this, 'zarr', join(to, 'without'));
    assert.deepEqual(numbersIn(found), range(0, 70));
    assert.deepEqual(new Set(found.times), new Set([null]));
  });

  it('exports once what recovery kept of a damaged open chunk, and what is behind it from the quarantine', async function () {
    const uploader = await left.bench.acquire({ endpoint: left.endpoint, id: 'other' });
    const settings = { streamName: 'furnace', fill: 'gap' };
    const series = await uploader.startTimeseries({ node: 'gauge', stream: '' }, settings, {});
    for (let n = 0; n < 6; n += 1) await series.push([{ channel: 'T', time: FIRST + n, value: n }]);
    await left.bench.release(uploader);
    const journal = join(series.folder, '000000.open');
    const lines = (await readFile(journal, 'utf8')).split('\n');
    lines[3] = (lines[3] as string).replace(':[[', ':[ [');
    await writeFile(journal, lines.join('\n'));
    await flip(join(left.rheed, '000003.open'), 32 + 32 * 4 + 3);
    for (const id of ['account', 'other'])
      await left.bench.release(await left.bench.acquire({ endpoint: left.endpoint, id }));

    const rheed = await spool(['export', left.rheed, '--to', join(to, 'rheed'), '--quarantine']);
    assert.equal(rheed.code, 1);
    assert.match(
      rheed.out,
      /damaged +chunk 3 in quarantine: frames 4 do not hold; 5 frames of it\s+exported/,
    );
    const found = await read<ReadZarr>(this, 'zarr', join(to, 'rheed'));
    assert.deepEqual(numbersIn(found), [...range(0, 64), ...range(65, 70)]);
    assert.equal(
      (await spool(['export', series.folder, '--to', join(to, 'series'), '--quarantine'])).code,
      1,
    );
    const csv = await readFile(join(to, 'series', 'readings.csv'), 'utf8');
    assert.deepEqual(
      csv
        .trimEnd()
        .split('\r\n')
        .map((row) => row.split(',')[2]),
      ['T', '0', '1', '3', '4', '5'],
    );
  });

  it('takes kept chunks along, and with --quarantine those in quarantine', async function () {
    const sandbox = await startSandbox();
    try {
      const options = { endpoint: sandbox.url, uploads: 1, keepUploaded: 1, id: 'kept' };
      const uploader = await left.bench.acquire(options);
      const stream = await uploader.startRheed(CAMERA, RHEED_SETTINGS, {});
      const ears = new Ears(stream);
      await ears.stream('opened');
      sandbox.faults.set('403', { count: 1, match: 'upload_urls' });
      await pushAll(stream, 0, 70);
      await ears.status('quarantined');
      await until(
        () => ears.statuses.filter(({ event }) => event === 'chunk').length === 2,
        'two deliveries',
      );
      await left.bench.release(uploader);
      const without = await spool(['export', stream.folder, '--to', to]);
      assert.equal(without.code, 0);
      assert.match(without.out, /missing +chunk 0: in quarantine: POST/);
      const all = join(to, 'all');
      assert.equal((await spool(['export', stream.folder, '--to', all, '--quarantine'])).code, 0);
      assert.deepEqual(numbersIn(await read<ReadZarr>(this, 'zarr')), range(20, 70));
      assert.deepEqual(numbersIn(await read<ReadZarr>(this, 'zarr', all)), range(0, 70));
    } finally {
      await sandbox.close();
    }
  });

  it('writes a TIFF a frame, with a table of their times', async function () {
    const { code, out } = await spool(['export', left.bench.spoolDir, '--to', to, '--format', 'tiff']);
    assert.equal(code, 0, out);
    const names = await readdir(join(to, '000003'));
    assert.deepEqual([names.length, names.sort()[9]], [10, 'run-000003-0009.tif']);
    const found = await read<Record<string, unknown>[]>(this, 'tiff');
    assert.deepEqual(
      found.map(({ sha256 }) => NUMBERS.get(sha256 as string)),
      range(0, 70),
    );
    const { mode, size, description, time, unix, chunk, frame } = found[65] as Record<string, unknown>;
    assert.deepEqual([mode, size, chunk, frame], ['L', [16, 12], '3', '5']);
    assert.deepEqual([time, Number(unix)], ['2023-11-14T22:13:26.500Z', FIRST + 6.5]);
    assert.equal(description, 'chunk 3, frame 5, 2023-11-14T22:13:26.500Z');
  });

  it('writes readings as CSV: a column a channel with its units, gaps blank', async () => {
    const { code, out } = await spool(['export', left.series, '--to', to]);
    assert.equal(code, 0);
    assert.match(out, /20 values/);
    const lines = (await readFile(join(to, 'readings.csv'), 'utf8')).trimEnd().split('\r\n');
    assert.equal(lines[0], 'time,unix,temperature [°C],"pressure, base [mbar]"');
    assert.equal(lines.length, 14);
    assert.equal(lines[3], `2023-11-14T22:13:22.000Z,${FIRST + 2},602,2e-9`);
    assert.equal(lines[4], `2023-11-14T22:13:23.000Z,${FIRST + 3},603,`);
  });

  it('exports readings around a damaged record; values in other units have a column of their own', async () => {
    const uploader = await left.bench.acquire({ endpoint: left.endpoint, id: 'other' });
    const settings = { streamName: 'furnace', pointsPerChunk: 100, fill: 'gap' };
    const stream = await uploader.startTimeseries({ node: 'gauge', stream: '' }, settings, {});
    for (let n = 0; n < 6; n += 1)
      await stream.push([{ channel: 'T', time: FIRST + n, value: n, units: 'K' }]);
    await stream.finalize();
    await left.bench.release(uploader);
    const again = await left.bench.acquire({ endpoint: left.endpoint, id: 'other' });
    const second = await again.startTimeseries({ node: 'gauge', stream: 'b' }, settings, {});
    await second.push([{ channel: 'T', time: FIRST, value: 1 }]);
    await second.push([{ channel: 'T', time: FIRST + 1, value: 2, units: 'K' }]);
    await left.bench.release(again);

    const [name] = (await readdir(stream.folder)).filter((file) => /\.(rows|open)$/.test(file));
    const path = join(stream.folder, name as string);
    const lines = (await readFile(path, 'utf8')).split('\n');
    lines[3] = (lines[3] as string).replace(':[[', ':[ [');
    await writeFile(path, lines.join('\n'));
    const { code, out } = await spool(['export', stream.folder, '--to', to]);
    assert.equal(code, 1);
    assert.match(out, /records 2 do not hold/);
    const rows = (await readFile(join(to, 'readings.csv'), 'utf8')).trimEnd().split('\r\n');
    assert.deepEqual(
      rows.map((row) => row.split(',').slice(1).join()),
      ['unix,T [K]', ...[0, 1, 3, 4, 5].map((n) => `${FIRST + n},${n}`)],
    );
    const other = join(to, 'other');
    assert.equal((await spool(['export', second.folder, '--to', other])).code, 0);
    assert.match(await readFile(join(other, 'readings.csv'), 'utf8'), /^time,unix,T \[K\]\r\n/);
  });

  it('writes several streams into a folder each', async () => {
    assert.equal((await spool(['export', left.bench.spoolDir, '--to', join(to, 'new', 'folder')])).code, 0);
    const names = (await readdir(join(to, 'new', 'folder'))).sort();
    assert.deepEqual(
      names.map((name) => name.split('-')[0]),
      ['rheed', 'timeseries'],
    );
    assert.ok(existsSync(join(to, 'new', 'folder', names[0] as string, 'frames.zarr', 'zarr.json')));
    assert.ok(existsSync(join(to, 'new', 'folder', names[1] as string, 'readings.csv')));
  });

  it('overwrites nothing, and says when there is nothing', async () => {
    await writeFile(join(to, 'mine'), 'text');
    const { code, err } = await spool(['export', left.rheed, '--to', to]);
    assert.equal(code, 2);
    assert.match(err, /expected a new or empty folder, found 1 file/);
    assert.deepEqual(await readdir(to), ['mine']);
    assert.equal((await spool(['export', left.rheed, '--to', join(to, 'mine')])).code, 2);
    assert.equal((await spool(['export', left.rheed, '--to', join(to, 'x'), '--format', 'png'])).code, 2);
    const inside = await spool(['export', left.rheed, '--to', join(left.bench.spoolDir, 'account', 'out')]);
    assert.equal(inside.code, 2);
    assert.match(inside.err, /expected a folder outside the spool/);
    const wrong = await spool(['export', left.rheed, '--to', join(to, 'x'), '--format', 'csv']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.out, /no stream is for csv/);

    // All of it in quarantine.
    const quarantine = join(left.series, 'quarantine');
    await mkdir(quarantine);
    for (const name of await readdir(left.series))
      if (/^\d/.test(name)) await rename(join(left.series, name), join(quarantine, name));
    const reason = { reason: 'refused', at: 1, chunk_index: 0 };
    await writeFile(join(quarantine, '000000.reason.json'), checkedJson.encodeChecked(reason));
    const empty = await spool(['export', left.series, '--to', join(to, 'y')]);
    assert.equal(empty.code, 1);
    assert.match(empty.out, /is exported with --quarantine/);
    assert.equal((await spool(['export', left.series, '--to', join(to, 'z'), '--quarantine'])).code, 0);
  });
});
