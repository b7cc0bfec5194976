import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import checkedJson from '../../dist/uploader/spool/checked-json.js';
import { batch, until } from '../helpers/uploader.mts';
import {
  CAMERA,
  FURNACE,
  footprint,
  type LeftSpool,
  leftSpool,
  readings,
  spool,
  spoolJson,
} from './helpers.mts';

interface Verified {
  whole: boolean;
  accounts: {
    path: string;
    files: { file: string; verdict: string; held: number | null; detail: string }[];
  }[];
}

describe('spool verify', function () {
  this.timeout(60_000);
  let left: LeftSpool;

  beforeEach(async () => {
    left = await leftSpool();
  });

  afterEach(() => left.bench.end());

  const verified = (folder = left.bench.spoolDir) => spoolJson<Verified>(['verify', folder]);

  /** What does not hold, as `file: verdict`. */
  async function faults(folder?: string): Promise<Record<string, string>> {
    const { accounts } = await verified(folder);
    const bad = accounts.flatMap(({ files }) => files).filter(({ verdict }) => verdict !== 'whole');
    return Object.fromEntries(
      bad.map(({ file, verdict, detail }) => [basename(file), `${verdict}: ${detail}`]),
    );
  }

  async function flip(path: string, at: number): Promise<void> {
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
    await writeFile(path, bytes);
  }

  it('finds an undamaged spool whole, and changes nothing', async () => {
    const before = await footprint(left.bench.spoolDir);
    const { code, out } = await spool(['verify', left.bench.spoolDir, '--all']);
    assert.equal(code, 0);
    assert.deepEqual(await footprint(left.bench.spoolDir), before);
    for (const file of ['000002.shard', '000003.part', '000001.rows', '000002.open', 'stream.json'])
      assert.ok(out.includes(file), out);
    assert.match(out, /11 files: 11 whole, 0 torn, 0 damaged/);
    const { whole, accounts } = await verified();
    const held = Object.fromEntries(
      (accounts[0]?.files ?? []).map((checked) => [basename(checked.file), checked.held]),
    );
    assert.equal(whole, true);
    assert.deepEqual([held['000000.shard'], held['000003.part'], held['000000.rows']], [20, 10, 1]);
  });

  it('notices a changed byte in each file, wherever it is, and names the file', async () => {
    // Each byte of each file alone: test/uploader/chunk-readers.test.mts.
    for (const isMeant of [/json/, /^(?!.*json)/]) {
      for (const part of [0, 0.5, 1]) {
        const changed: string[] = [];
        for (const folder of [left.rheed, left.series]) {
          for (const name of (await readdir(folder)).filter((file) => isMeant.test(file))) {
            const path = join(folder, name);
            await flip(path, Math.floor(((await stat(path)).size - 1) * part));
            changed.push(path);
          }
        }
        const { accounts } = await verified();
        const files = accounts.flatMap(({ path, files }) => files.map((found) => ({ ...found, path })));
        const named = files
          .filter(({ verdict }) => verdict !== 'whole')
          .map(({ path, file }) => join(path, file));
        const stems = (paths: string[]) => [...new Set(paths.map((path) => path.split('.')[0]))].sort();
        assert.deepEqual(stems(named), stems(changed), `${isMeant} at ${part}`);
        for (const path of changed) await flip(path, Math.floor(((await stat(path)).size - 1) * part));
      }
    }
    assert.equal((await verified()).whole, true);
  });

  it('says where', async () => {
    await flip(join(left.rheed, '000001.shard'), 200);
    await truncate(join(left.rheed, '000002.shard'), 1000);
    await flip(join(left.rheed, '000003.open'), 32 + 32 * 4);
    const rows = join(left.series, '000000.rows');
    const lines = (await readFile(rows, 'utf8')).split('\n');
    const text = lines.map((line, n) => (n === 1 ? line.replace('600', '601') : line)).join('\n');
    await writeFile(rows, text);
    const found = await faults();
    assert.match(found['000001.shard'] as string, /^damaged: .*its checksum does not hold/);
    assert.match(found['000002.shard'] as string, /its index does not hold; expected \d+ bytes, found 1000/);
    assert.match(found['000003.part'] as string, /^damaged: frames 4 do not hold$/);
    assert.match(found['000000.rows'] as string, /^damaged: records 0 do not hold$/);
    const { code, out } = await spool(['verify', left.bench.spoolDir]);
    assert.equal(code, 1);
    assert.match(out, /4 damaged/);
    for (const line of out.split('\n')) assert.ok(line.length <= 100, line);
  });

  it('tells a torn tail from damage', async () => {
    await truncate(join(left.rheed, '000003.part'), (await stat(join(left.rheed, '000003.part'))).size - 300);
    await appendFile(join(left.series, '000002.open'), '0000');
    const found = await faults();
    assert.match(found['000003.part'] as string, /^torn: torn tail of \d+ frames?$/);
    assert.equal(found['000002.open'], 'torn: torn tail of 4 bytes');
    assert.equal((await spool(['verify', left.bench.spoolDir])).code, 0);
  });

  it('reads the quarantine, its reasons, and a stream whose record is damaged', async () => {
    const quarantine = join(left.rheed, 'quarantine');
    // As recovery leaves it: data and sidecar moved, the reason beside them.
    await mkdir(quarantine);
    for (const ending of ['shard', 'json'])
      await rename(join(left.rheed, `000000.${ending}`), join(quarantine, `000000.${ending}`));
    const reason = join(quarantine, '000000.reason.json');
    await writeFile(reason, checkedJson.encodeChecked({ reason: 'refused', at: Date.now(), chunk_index: 0 }));
    assert.deepEqual(await faults(), {});
    await flip(reason, 5);
    await flip(join(quarantine, '000000.shard'), 99);
    await flip(join(left.rheed, 'stream.json'), 9);
    const found = await faults();
    assert.deepEqual(Object.keys(found).sort(), ['000000.reason.json', '000000.shard', 'stream.json']);
  });

  it('leaves a stream of a newer version alone, and names it', async () => {
    const path = join(left.rheed, 'stream.json');
    const record = checkedJson.decodeChecked(await readFile(path, 'utf8')) as object;
    await writeFile(path, checkedJson.encodeChecked({ ...record, version: 99 }));
    const { code, out } = await spool(['verify', left.bench.spoolDir]);
    assert.equal(code, 1);
    assert.match(out, /unknown +\S+stream\.json:\s.*newer\s+version/s);
    assert.match(out, /5 whole, 0 torn, 0 damaged, 1 unknown/);
  });

  it('finds nothing wrong while chunks grow, are sealed and dropped', async () => {
    const uploader = await left.bench.acquire({
      endpoint: left.endpoint,
      spoolMaxBytes: 40_000,
      whenFull: 'drop-oldest',
    });
    const [rheed] = uploader.attach(CAMERA.node, 'rheed', {});
    const [series] = uploader.attach(FURNACE.node, 'timeseries', {});
    assert.ok(rheed?.kind === 'rheed' && series?.kind === 'timeseries');
    let isOn = true;
    let frames = 70;
    const feed = (async () => {
      for (let n = 20; isOn; n += 1) {
        await rheed.push(batch(frames, 3));
        frames += 3;
        await series.push(readings(n, n + 1));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    try {
      for (let round = 0; round < 4; round += 1) {
        const from = frames;
        const { code, out, err } = await spool(['verify', left.bench.spoolDir]);
        assert.deepEqual([code, err], [0, ''], out);
        await until(() => frames > from + 40, 'the camera to go on');
      }
    } finally {
      isOn = false;
      await feed;
    }
  });
});
