import assert from 'node:assert/strict';
import { Capture } from '../../../dist/nodes/rheed-stream/capture/capture.js';
import { Captures } from '../../../dist/nodes/rheed-stream/capture/captures.js';
import { imagesIn, tiffPages } from '../../../dist/nodes/rheed-stream/capture/pages.js';
import { type Plan, readPlan } from '../../../dist/nodes/rheed-stream/capture/thinning.js';
import { type CountedBatch, readFrames } from '../../../dist/nodes/rheed-stream/frames.js';
import { throwsCoded } from '../../helpers/coded.mts';

const ALL: Plan = { every: 1, maxFps: null };
const SIZE = { width: 1, height: 1 };

/** Frames of one pixel, numbered; a stamp for each, one for the first, or none. */
function batch(numbers: readonly number[], stamps: readonly number[] = []): CountedBatch {
  const time =
    stamps.length === 1 ? { timestamp: stamps[0] } : stamps.length > 1 ? { timestamps: stamps } : {};
  return readFrames({ payload: Buffer.from(numbers.map((number) => number % 256)), ...time }, SIZE);
}

/** Sends frames as messages of some each, every frame with its stamp; gives the stamps of those that are kept. */
function keep(capture: Capture, stamps: readonly number[], plan: Plan, fps: number, each = 1): number[] {
  const kept: number[] = [];
  for (let at = 0; at < stamps.length; at += each) {
    const some = stamps.slice(at, at + each);
    const taken = capture.take(
      batch(
        some.map((_, n) => at + n),
        some,
      ),
      plan,
      fps,
      0,
    ).batch;
    if (taken === null) continue;
    kept.push(...taken.stamps);
    const numbers = taken.parts.flatMap((part) => [...part]);
    assert.deepEqual(
      numbers,
      taken.stamps.map((stamp) => stamps.indexOf(stamp) % 256),
      'a frame has the stamp of another',
    );
  }
  return kept;
}

const evenly = (count: number, fps: number, from = 1000) =>
  Array.from({ length: count }, (_, n) => from + (n * 1000) / fps);

describe('thinning', () => {
  it('keeps every frame unless it is told to', () => {
    const all = batch([1, 2, 3], [10, 20, 30]);
    const { batch: same } = new Capture().take(all, ALL, 100, 0);
    assert.equal(same, all);
  });

  it('keeps every nth frame, over the bounds of messages', () => {
    for (const each of [1, 2, 3, 7, 50]) {
      const capture = new Capture();
      const stamps = evenly(100, 200);
      const kept = keep(capture, stamps, { every: 3, maxFps: null }, 66, each);
      assert.deepEqual(
        kept,
        stamps.filter((_, n) => n % 3 === 0),
      );
      assert.equal(capture.thinned, 66);
    }
  });

  for (const fps of [121, 150, 200, 240, 500, 1000]) {
    it(`keeps 120 of ${fps} frames a second, evenly by their stamps`, () => {
      const capture = new Capture();
      const stamps = evenly(10 * fps, fps);
      const kept = keep(capture, stamps, { every: 1, maxFps: 120 }, 120);
      assert.ok(Math.abs(kept.length - 1200) <= 2, `${kept.length} kept in 10 s`);
      assert.equal(capture.thinned, stamps.length - kept.length);
      const gaps = kept.slice(1).map((stamp, n) => stamp - (kept[n] as number));
      assert.ok(Math.max(...gaps) <= 1000 / 120 + 1000 / fps + 1e-6, `a gap of ${Math.max(...gaps)} ms`);
      assert.equal(capture.missing, 0);
    });
  }

  it('keeps all frames of a camera that is not faster, although its stamps waver', () => {
    const stamps = evenly(1000, 120).map((stamp, n) => stamp + (n % 3) - 1);
    assert.equal(keep(new Capture(), stamps, { every: 1, maxFps: 120 }, 120).length, 1000);
  });

  it('spreads the time of arrival over the frames of a message, and makes up for a stalled moment', () => {
    const capture = new Capture();
    let kept = 0;
    // 200 frames a second for 20 s: 20 at a time.
    for (let now = 0; now < 20_000; now += 100) {
      const taken = capture.take(batch(Array(20).fill(0)), { every: 1, maxFps: 120 }, 120, now);
      kept +=
        taken.batch?.parts.length === 1
          ? (taken.batch.parts[0]?.length ?? 0)
          : (taken.batch?.parts.length ?? 0);
    }
    assert.ok(Math.abs(kept - 2400) <= 30, `${kept} kept in 20 s`);

    const slow = new Capture();
    // 50 frames a second, which come ten at once: none is too many.
    for (let now = 0; now < 5000; now += 200) {
      for (let n = 0; n < 10; n += 1) slow.take(batch([n]), { every: 1, maxFps: 120 }, 50, now);
    }
    assert.ok(slow.thinned <= 9, `${slow.thinned} thinned`);
  });

  it('stamps the first frame that is kept, when a message has the time of its first frame', () => {
    const capture = new Capture();
    const plan = { every: 4, maxFps: null };
    const first = capture.take(batch([0, 1, 2, 3, 4, 5], [1000]), plan, 50, 0).batch;
    assert.deepEqual([first?.stamps, first?.parts.flatMap((part) => [...part])], [[1000], [0, 4]]);
    const second = capture.take(batch([6, 7, 8, 9], [1030]), plan, 50, 0).batch;
    assert.deepEqual([second?.stamps, second?.parts.flatMap((part) => [...part])], [[1040], [8]]);
  });

  it('takes frames of many pixels and of many parts apart', () => {
    const payload = [Buffer.from([1, 2, 3, 4]), Buffer.from([5, 6]), Buffer.from([7, 8, 9, 10])];
    const counted = readFrames({ payload }, { width: 2, height: 1 });
    const { batch: kept } = new Capture().take(counted, { every: 2, maxFps: null }, 10, 0);
    assert.deepEqual(
      kept?.parts.flatMap((part) => [...part]),
      [1, 2, 5, 6, 9, 10],
    );
  });

  it('thins files of one frame each, and refuses those of several', () => {
    const plan = { every: 2, maxFps: null };
    const capture = new Capture();
    const files = [tiff(1), tiff(1), tiff(1)].map((payload) => readFrames({ payload }, {}));
    assert.deepEqual(
      files.map((file) => capture.take(file, plan, 10, 0).batch === null),
      [false, true, false],
    );
    const several = readFrames({ payload: tiff(3) }, {});
    throwsCoded(() => capture.take(several, plan, 10, 0), 'ERR_FRAME_SHAPE', /one frame each/);
    assert.deepEqual(
      [tiff(0), tiff(1), tiff(3)].map((file) => tiffPages(file, 9)),
      [0, 1, 3],
    );
    assert.equal(tiffPages(circle(), 9), 9);
    assert.equal(tiffPages(Buffer.from('P5\n1 1\n255\n'), 9), 0);
  });

  it('thins PGM files of one frame each, and TIFF beside PNG, and refuses PGM files of several', () => {
    const plan = { every: 2, maxFps: null };
    const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const pgm = (images: number, max = 255) =>
      Buffer.concat(Array(images).fill(Buffer.from(`P5 # P5\n2 1\n${max}\n${max > 255 ? 'P5P5' : 'P5'}`)));
    const kept = (payload: unknown) =>
      new Capture().take(readFrames({ payload }, {}), plan, 10, 0).batch?.parts.length;
    assert.equal(kept(pgm(1)), 1);
    assert.equal(kept([pgm(1), pgm(1, 4095), Buffer.from('P2\n2 1\n255\n1 2\n')]), 2);
    assert.equal(kept([tiff(1), png, png]), 2);
    throwsCoded(() => kept(pgm(2)), 'ERR_FRAME_SHAPE', /one frame each/);
    const files = [
      pgm(1),
      pgm(3),
      pgm(3, 4095),
      Buffer.concat([pgm(2), Buffer.from('\n')]),
      pgm(1).subarray(0, -1),
    ];
    assert.deepEqual(
      files.map((file) => imagesIn(file, 9)),
      [1, 3, 3, 2, 1],
    );
    assert.equal(imagesIn(png, 9), 1);
    assert.equal(imagesIn(pgm(20), 9), 9);
  });

  it('reads every and maxFps as a form or a message has them', () => {
    assert.deepEqual(readPlan({}), ALL);
    assert.deepEqual(readPlan({ every: '', maxFps: '' }), ALL);
    assert.deepEqual(readPlan({ every: '3', maxFps: '29.97' }), { every: 3, maxFps: 29.97 });
    for (const every of [0, -1, 1.5, 'two', {}]) throwsCoded(() => readPlan({ every }), 'ERR_SETTINGS');
    for (const maxFps of [0, -1, 'fast', Number.NaN, Number.POSITIVE_INFINITY, {}])
      throwsCoded(() => readPlan({ maxFps }), 'ERR_SETTINGS');
  });
});

describe('measured rate', () => {
  const declaredWhenOff = ({ off }: Capture) => off?.declared;

  it('is that of the stamps, whatever is declared', () => {
    for (const each of [1, 4]) {
      const capture = new Capture();
      keep(capture, evenly(1000, 25), ALL, 30, each);
      assert.ok(Math.abs((capture.measured ?? 0) - 25) < 0.01, `${capture.measured}`);
    }
  });

  it('is that of arrival without stamps', () => {
    const capture = new Capture();
    for (let n = 0; n < 400; n += 1) capture.take(batch([1, 2, 3]), ALL, 30, n * 100);
    assert.ok(Math.abs((capture.measured ?? 0) - 30) < 0.01);
    assert.equal(capture.off, undefined);
  });

  it('counts the pages of a file', () => {
    const capture = new Capture();
    for (let n = 0; n < 400; n += 1) capture.take(readFrames({ payload: tiff(3) }, {}), ALL, 30, n * 100);
    assert.ok(Math.abs((capture.measured ?? 0) - 30) < 0.01);
  });

  it('is told as off when it stays off by more than 5 %, and not before, and not any more when it is right again', () => {
    const capture = new Capture();
    keep(capture, evenly(350, 10, 0), ALL, 10.4);
    assert.equal(declaredWhenOff(capture), undefined, 'within 5 %');
    const slow = evenly(400, 9, 100_000);
    keep(capture, slow.slice(0, 250), ALL, 10);
    assert.equal(declaredWhenOff(capture), undefined, 'two windows');
    keep(capture, slow.slice(250), ALL, 10);
    assert.equal(declaredWhenOff(capture), 10);
    assert.equal(Math.round(capture.measured ?? 0), 9);
    keep(capture, evenly(300, 10, 200_000), ALL, 10);
    assert.equal(declaredWhenOff(capture), undefined);
  });

  it('leaves pauses out', () => {
    const capture = new Capture();
    for (let round = 0; round < 10; round += 1) keep(capture, evenly(150, 10, round * 60_000), ALL, 10);
    assert.ok(Math.abs((capture.measured ?? 0) - 10) < 0.01);
  });

  it('is warned of once, with the numbers', () => {
    const warnings: string[] = [];
    const captures = new Captures((text) => warnings.push(text));
    const stream = { owner: { node: 'n', stream: 'b' }, folder: 'f', settings: { fps: '10' } };
    for (const stamp of evenly(1000, 20)) captures.take(stream, batch([1], [stamp]), ALL);
    assert.deepEqual(warnings.length, 1);
    assert.match(warnings[0] ?? '', /stream "b": 20 frames a second come, 10 are declared/);
    assert.deepEqual(captures.remarks(), [['rateOff', { measured: 20, declared: 10 }]]);
    assert.deepEqual(captures.facts('b'), { fps_measured: 20 });
    captures.close();
  });
});

describe('gaps in the capture', () => {
  const missing = (stamps: readonly number[], fps: number, each = 1) => {
    const capture = new Capture();
    keep(capture, stamps, ALL, fps, each);
    return capture.missing;
  };

  it('are counted in frames of the declared rate', () => {
    const stamps = evenly(100, 10);
    for (const each of [1, 5]) {
      assert.equal(missing(stamps, 10, each), 0);
      assert.equal(
        missing(
          stamps.filter((_, n) => n !== 50),
          10,
          each,
        ),
        1,
      );
      assert.equal(
        missing(
          stamps.filter((_, n) => n < 20 || n >= 60),
          10,
          each,
        ),
        40,
      );
      assert.equal(
        missing(
          stamps.filter((_, n) => n % 10 !== 5),
          10,
          each,
        ),
        10,
      );
    }
  });

  it('are none when a frame is only late, stamps are in whole milliseconds, or the clock is set back', () => {
    assert.equal(
      missing(
        evenly(100, 10).map((stamp, n) => stamp + (n % 10 === 5 ? 70 : 0)),
        10,
      ),
      0,
    );
    assert.equal(missing(evenly(1000, 120).map(Math.round), 120), 0);
    assert.equal(missing([...evenly(50, 10, 100_000), ...evenly(50, 10, 1000)], 10), 0);
    assert.equal(missing(evenly(1000, 9.8), 10), 0, 'a camera that is a little slower');
  });

  it('are seen between messages that have the time of their first frame', () => {
    const capture = new Capture();
    for (const stamp of [0, 400, 800, 1600, 2000]) capture.take(batch([1, 2, 3, 4], [stamp]), ALL, 10, 0);
    assert.equal(capture.missing, 4);
  });

  it('are told, with frames that were cut and thinned, of each stream, and begin anew with the next one', () => {
    const warnings: string[] = [];
    const captures = new Captures((text) => warnings.push(text));
    const stream = (folder: string) => ({ owner: { node: 'n', stream: '' }, folder, settings: { fps: 10 } });
    for (const stamp of [0, 100, 500, 600]) captures.take(stream('one'), batch([1], [stamp]), ALL);
    captures.cut('', 'ended');
    captures.take(stream('one'), batch([1, 2, 3]), { every: 3, maxFps: null });
    assert.deepEqual(captures.facts(''), { frames_thinned: 2, frames_cut: 1, frames_missing: 3 });
    assert.deepEqual(captures.remarks(), [
      ['missing', { frames: 3 }],
      ['cut', { frames: 1 }],
      ['thinned', { frames: 2 }],
    ]);
    assert.equal(warnings.length, 2);
    captures.take(stream('two'), batch([1], [700]), ALL);
    assert.deepEqual(captures.facts(''), {});
    assert.deepEqual(captures.facts('another'), {});
    captures.close();
  });
});

/** A TIFF of so many empty directories. */
function tiff(pages: number): Buffer {
  const file = Buffer.alloc(8 + 6 * pages);
  file.write('II*\0', 'latin1');
  if (pages > 0) file.writeUInt32LE(8, 4);
  for (let page = 1; page < pages; page += 1) file.writeUInt32LE(8 + 6 * page, 8 + 6 * (page - 1) + 2);
  return file;
}

/** A TIFF whose directory is followed by itself. */
function circle(): Buffer {
  const file = tiff(1);
  file.writeUInt32LE(8, 10);
  return file;
}
