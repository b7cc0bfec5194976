import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import native from '../../dist/uploader/native.js';
import type { ChunkCheck } from '../../dist/uploader/spool/chunk-check.js';
import framePlaces from '../../dist/uploader/spool/frame-places.js';
import frameReader from '../../dist/uploader/spool/frame-reader.js';
import rowsReader from '../../dist/uploader/timeseries/rows-reader.js';
import { Bench, batch, FPS, freePort, HEIGHT, numbersIn, WIDTH } from '../helpers/uploader.mts';

const { FrameReader } = frameReader;
const { RowsReader } = rowsReader;
const FACTS = { fps: FPS, height: HEIGHT, width: WIDTH };

/** Chunks as they lie in the spool, with any byte of them changed or any end of them missing. */
describe('chunk readers', function () {
  this.timeout(60_000);
  let bench: Bench;
  let rheed: string;
  let series: string;

  /** Four frames in a sealed chunk, three in an open one; four rows in a sealed chunk, two in an open one. */
  before(async () => {
    bench = await Bench.make();
    const uploader = await bench.acquire({ endpoint: `http://127.0.0.1:${await freePort()}` });
    const frames = await uploader.startRheed({ node: 'camera', stream: '' }, { fps: FPS }, {});
    await frames.push(batch(0, 4));
    await frames.flush();
    for (const number of [4, 5, 6]) await frames.push(batch(number, 1));
    const settings = { pointsPerChunk: 4 };
    const rows = await uploader.startTimeseries({ node: 'gauge', stream: '' }, settings, {});
    for (let n = 0; n < 6; n += 1) await rows.push([{ channel: 'T', time: n, value: n, units: 'K' }]);
    await bench.release(uploader);
    [rheed, series] = [frames.folder, rows.folder];
  });

  after(() => bench.end());

  /** A chunk as far as it holds: numbers of its frames, values of its rows. */
  async function readFrames(number: number): Promise<{ check: ChunkCheck; items: number[] }> {
    const reader = await FrameReader.open(rheed, number, FACTS);
    assert.ok(reader);
    try {
      const items: number[] = [];
      for (const place of reader.places.keys()) {
        const pixels = await reader.pixels(place);
        if (pixels !== undefined) items.push(...numbersIn(pixels));
      }
      return { check: await reader.check(), items };
    } finally {
      await reader.close();
    }
  }

  async function readRows(number: number): Promise<{ check: ChunkCheck; items: number[] }> {
    const reader = await RowsReader.open(series, number);
    assert.ok(reader);
    const { columns } = reader.table();
    const items = columns.T?.values.filter((value) => value !== null) ?? [];
    return { check: reader.check(), items };
  }

  const chunks = [
    { what: 'sealed frames', folder: () => rheed, number: 0, read: readFrames, all: [0, 1, 2, 3] },
    { what: 'open frames', folder: () => rheed, number: 1, read: readFrames, all: [4, 5, 6] },
    { what: 'sealed rows', folder: () => series, number: 0, read: readRows, all: [0, 1, 2, 3] },
    { what: 'open rows', folder: () => series, number: 1, read: readRows, all: [4, 5] },
  ];
  for (const { what, folder, number, read, all } of chunks) {
    const isSealed = what.startsWith('sealed');

    /** Reads the chunk with each file as `changed` gives it, one file and one place at a time. */
    async function eachChange(
      changed: (whole: Buffer, at: number) => Buffer,
      look: (found: Awaited<ReturnType<typeof read>>, what: string) => void,
    ): Promise<void> {
      const names = (await readdir(folder())).filter((name) => name.startsWith(`00000${number}.`));
      assert.ok(names.length > 0);
      for (const name of names) {
        const path = join(folder(), name);
        const whole = await readFile(path);
        for (let at = 0; at < whole.length; at += 1) {
          await writeFile(path, changed(whole, at));
          look(await read(number), `${name}, ${at} of ${whole.length}`);
        }
        await writeFile(path, whole);
      }
    }

    it(`${what}: whole as they were written`, async () => {
      const { check, items } = await read(number);
      assert.deepEqual([check.verdict, items], ['whole', all]);
    });

    it(`${what}: any changed byte is noticed`, async () => {
      await eachChange(
        (whole, at) => {
          const bytes = Buffer.from(whole);
          bytes.writeUInt8(bytes.readUInt8(at) ^ 0x20, at);
          return bytes;
        },
        ({ check, items }, place) => {
          assert.notEqual(check.verdict, 'whole', place);
          if (isSealed) assert.equal(check.verdict, 'damaged', place);
          // A sealed chunk of frames has one checksum only: a frame that decodes may be another.
          if (what !== 'sealed frames')
            assert.ok(
              items.every((item) => all.includes(item)),
              `${place}: ${items}`,
            );
          assert.ok(items.length >= all.length - 2 || what === 'open frames', `${place}: ${items}`);
        },
      );
    });

    it(`${what}: any missing end is noticed, and what stands before it is read`, async () => {
      await eachChange(
        (whole, at) => whole.subarray(0, at),
        ({ check, items }, place) => {
          assert.deepEqual(items, all.slice(0, items.length), place);
          // Of an open chunk that ends with a record nobody can tell that there was another.
          if (!isSealed) return;
          // A sidecar is whole without the end of its line.
          const ofSidecar = /json, (\d+) of (\d+)/.exec(place);
          if (Number(ofSidecar?.[1]) + 1 !== Number(ofSidecar?.[2]))
            assert.equal(check.verdict, 'damaged', place);
        },
      );
    });
  }

  it('know nothing of a chunk that is not there', async () => {
    assert.equal(await FrameReader.open(rheed, 99, FACTS), undefined);
    assert.equal(await RowsReader.open(series, 99), undefined);
  });

  it('take a chunk that is just being sealed for whole', async () => {
    const path = join(rheed, '000001.part');
    const whole = await readFile(path);
    const reader = await FrameReader.open(rheed, 1, FACTS);
    const index = framePlaces.indexOf(reader?.places ?? []);
    await reader?.close();
    for (let length = 0; length <= index.length; length += 1) {
      await writeFile(path, Buffer.concat([whole, index.subarray(0, length)]));
      assert.deepEqual(
        (await readFrames(1)).check,
        { verdict: 'whole', held: 3, before: 3, detail: '' },
        `${length}`,
      );
    }
    await writeFile(path, Buffer.concat([whole, index, Buffer.alloc(1)]));
    assert.equal((await readFrames(1)).check.detail, 'torn tail of 53 bytes');
    await writeFile(path, whole);
  });

  it('find frames without their index and sidecar, or without their journal', async () => {
    const shard = join(rheed, '000000.shard');
    const whole = await readFile(shard);
    const length = native.native().frameLength(whole) as number;
    await writeFile(shard, whole.subarray(0, length + 1));
    await rm(join(rheed, '000000.json'));
    await rm(join(rheed, '000001.open'));
    const sealed = await readFrames(0);
    assert.deepEqual(sealed.items, [0]);
    assert.match(sealed.check.detail, /sidecar is missing or damaged; its index does not hold/);
    const open = await readFrames(1);
    assert.deepEqual([open.items, open.check.verdict], [[4, 5, 6], 'damaged']);
  });
});
