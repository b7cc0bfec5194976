import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { AutoJoiner } from '../../../dist/nodes/rheed-stream/framing/auto-joiner.js';
import { ImageJoiner } from '../../../dist/nodes/rheed-stream/framing/image-joiner.js';
import type { Joiner } from '../../../dist/nodes/rheed-stream/framing/joiner.js';
import { RawJoiner } from '../../../dist/nodes/rheed-stream/framing/raw-joiner.js';
import { throwsCoded } from '../../helpers/coded.mts';
import { Random } from '../../helpers/random.mts';
import { cutAt, cutAtRandom, joined } from '../../helpers/slices.mts';

const image = (name: string) =>
  readFileSync(new URL(`../../fixtures/images/${name}`, import.meta.url)) as Buffer;
/** A gray one, one with a thumbnail in it, one with restart markers, one of several scans; PNG in gray and colour. */
const JPEGS = ['gray.jpg', 'thumbnail.jpg', 'restarts.jpg', 'progressive.jpg'].map(image);
const PNGS = ['gray.png', 'colour.png'].map(image);

const FRAME = 12;
const rawFrames = (count: number) =>
  Array.from({ length: count }, (_, n) => Buffer.from(Array.from({ length: FRAME }, (_, i) => n * 16 + i)));

describe('frames of a byte stream', () => {
  let cuts: string[];
  const cut = (why: string) => void cuts.push(why);
  const raw = (size = FRAME): Joiner => new RawJoiner(size, cut);
  const images = (): Joiner => new ImageJoiner(cut);

  beforeEach(() => {
    cuts = [];
  });

  /** Raw parts may hold several frames: what counts is the bytes and that they are whole frames. */
  function assertRaw(parts: readonly Buffer[], expected: readonly Buffer[]): void {
    for (const part of parts) assert.equal(part.length % FRAME, 0);
    assert.deepEqual(Buffer.concat(parts), Buffer.concat(expected));
  }

  describe('cut at every possible place', () => {
    it('raw frames are the same', () => {
      const frames = rawFrames(4);
      const stream = Buffer.concat(frames);
      for (let first = 0; first <= stream.length; first += 1) {
        for (let second = first; second <= stream.length; second += 1)
          assertRaw(joined(raw(), cutAt(stream, [first, second])), frames);
      }
      assertRaw(joined(raw(), cutAtRandom(stream, 1, new Random(1))), frames);
    });

    it('JPEG and PNG images are the same', () => {
      const frames = [...JPEGS, ...PNGS, ...JPEGS.toReversed()];
      const stream = Buffer.concat(frames);
      for (let place = 0; place <= stream.length; place += 1)
        assert.deepEqual(joined(images(), cutAt(stream, [place])), frames, `cut at ${place}`);
      assert.deepEqual(joined(images(), cutAtRandom(stream, 1, new Random(1))), frames);
    });

    it('a source whose first bytes tell is taken for what it is', () => {
      for (const frames of [JPEGS, PNGS]) {
        const stream = Buffer.concat(frames);
        for (let place = 0; place <= 20; place += 1)
          assert.deepEqual(joined(auto(), cutAt(stream, [place])), frames);
      }
      const frames = rawFrames(3);
      const alike = [Buffer.from([0xff, 0xd8, 1, ...Array(FRAME - 3).fill(7)]), ...frames];
      for (let place = 0; place <= 36; place += 1) {
        assertRaw(joined(auto(), cutAt(Buffer.concat(frames), [place])), frames);
        assertRaw(joined(auto(), cutAt(Buffer.concat(alike), [1, 1 + place])), alike);
      }
    });
  });

  const auto = (): Joiner => new AutoJoiner((isImage) => (isImage ? images() : raw()));

  describe('cut at random', () => {
    it('a large stream of raw frames is the same', () => {
      const random = new Random(2);
      const frames = Array.from({ length: 50 }, () =>
        Buffer.from(Array.from({ length: 5000 }, () => random.below(256))),
      );
      const stream = Buffer.concat(frames);
      for (const longest of [100, 4999, 5000, 5001, 70_000]) {
        const parts = joined(raw(5000), cutAtRandom(stream, longest, random));
        assert.deepEqual(Buffer.concat(parts), stream);
        for (const part of parts) assert.equal(part.length % 5000, 0);
      }
    });

    it('a large stream of images is the same, with whatever stands between them and within their comments', () => {
      const random = new Random(3);
      const frames = Array.from({ length: 400 }, () => {
        const one = random.pick([...JPEGS, ...PNGS]);
        return one[0] === 0xff ? withComment(one, random) : one;
      });
      const boundary = Buffer.from('\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n');
      const stream = Buffer.concat(frames.flatMap((frame) => [boundary, frame]));
      for (const longest of [10, 500, 65_536])
        assert.deepEqual(joined(images(), cutAtRandom(stream, longest, random)), frames);
      assert.deepEqual(cuts, []);
    });
  });

  describe('of a source that breaks off and begins anew', () => {
    const last = image('gray.jpg');
    /** A length that is made of what broke off and of what follows promises up to so many bytes. */
    const enough = Buffer.alloc(0x89_50_4f);

    it('gives every whole image, and counts the broken one', () => {
      const [first, second, third] = [JPEGS[1], PNGS[0], JPEGS[2]] as [Buffer, Buffer, Buffer];
      for (const whole of [...JPEGS, ...PNGS]) {
        for (let length = 3; length < whole.length; length += 1) {
          cuts = [];
          const broken = whole.subarray(0, length);
          const joiner = images();
          const sent = [first, second, third, second, third];
          const found = joined(joiner, [first, broken, ...sent.slice(1)]);
          if (found.length < sent.length) found.push(...joined(joiner, [enough, last]));
          // A thumbnail is an image of its own where the image around it breaks off behind it.
          const own = found.filter((frame) => sent.some((known) => known.equals(frame)));
          assert.deepEqual(own.slice(0, 5), sent, `broken off at ${length}`);
          if (length >= 8) assert.equal(cuts[0], 'broken');
        }
      }
    });

    it('finds raw frames again behind bytes that were refused', () => {
      const frames = rawFrames(6);
      const stream = Buffer.concat(frames);
      for (let first = 0; first <= 40; first += 1) {
        for (let second = first; second <= 60; second += 1) {
          const joiner = raw();
          const [before, missing, after] = cutAt(stream, [first, second]) as [Buffer, Buffer, Buffer];
          const parts = joined(joiner, [before]);
          joiner.gap(missing.length);
          parts.push(...joined(joiner, [after]));
          const whole = frames.filter(
            (_, n) =>
              (n + 1) * FRAME <= first || n * FRAME >= second || (first === second && second % FRAME === 0),
          );
          const isCut = first % FRAME !== 0;
          assert.deepEqual(cuts.splice(0), isCut ? ['broken'] : []);
          assertRaw(
            parts,
            isCut && first === second ? frames.filter((_, n) => n !== Math.floor(first / FRAME)) : whole,
          );
        }
      }
    });

    it('does not take the thumbnail for a frame when the beginning of its image was refused', () => {
      const [, thumbnail, plain] = JPEGS as [Buffer, Buffer, Buffer];
      for (let place = 1; place < thumbnail.length; place += 1) {
        const joiner = images();
        joiner.gap(place);
        const found = joined(joiner, [thumbnail.subarray(place), plain, thumbnail]);
        assert.deepEqual(found.at(-1), thumbnail);
        for (const frame of found) assert.ok(frame.equals(plain) || frame.equals(thumbnail));
      }
    });

    it('lets a frame go and finds the next one: raw, JPEG and PNG', () => {
      const [one, other, png] = [JPEGS[1], JPEGS[3], PNGS[1]] as [Buffer, Buffer, Buffer];
      for (const first of [one, png]) {
        for (let place = 8; place < first.length; place += 1) {
          const joiner = images();
          assert.deepEqual(joined(joiner, [first.subarray(0, place)]), []);
          joiner.drop();
          assert.deepEqual(joined(joiner, [first.subarray(place), other]), [other]);
          assert.deepEqual(cuts.splice(0), ['ended']);
        }
      }
      const frames = rawFrames(3);
      for (let place = 1; place < FRAME; place += 1) {
        const joiner = raw();
        const stream = Buffer.concat(frames);
        joined(joiner, [stream.subarray(0, place)]);
        joiner.drop();
        assertRaw(joined(joiner, [stream.subarray(place)]), frames.slice(1));
        assert.deepEqual(cuts.splice(0), ['ended']);
      }
    });

    it('finds the next image behind one that was let go and then broke off', () => {
      for (const whole of [...JPEGS, ...PNGS]) {
        // Where a JPEG breaks off within its tables, those of the next one could be its own.
        const tables = whole.lastIndexOf(Buffer.from([0xff, 0xda])) + 14;
        for (let place = whole[0] === 0xff ? tables : 8; place < whole.length; place += 1) {
          const joiner = images();
          joined(joiner, [whole.subarray(0, place)]);
          joiner.drop();
          const found = joined(joiner, JPEGS);
          if (found.length < 4) found.push(...joined(joiner, [enough, last]));
          const own = found.filter((frame) => JPEGS.some((known) => known.equals(frame)));
          assert.deepEqual(own.slice(0, 4), JPEGS, `let go at ${place}`);
        }
      }
    });
  });

  it('takes whatever comes: all that it gives are images, in the order of their bytes', () => {
    const random = new Random(5);
    const marks = [0xff, 0xd8, 0xd9, 0xda, 0xc0, 0xe0, 0x00, 0x08, 0x89, 0x50, 0x4e, 0x47];
    for (let round = 0; round < 300; round += 1) {
      const pieces = Array.from({ length: 20 }, () => {
        const known = random.pick([...JPEGS, ...PNGS]);
        if (random.chance(0.3)) return known;
        if (random.chance(0.5)) return known.subarray(random.below(known.length), random.below(known.length));
        return Buffer.from(Array.from({ length: random.below(400) }, () => random.pick(marks)));
      });
      const stream = Buffer.concat(pieces);
      let at = 0;
      for (const found of joined(images(), cutAtRandom(stream, 1 + random.below(3000), random))) {
        const begin = stream.indexOf(found, at);
        assert.ok(begin >= at, 'bytes that never came, or came before');
        at = begin + found.length;
        const end =
          found[0] === 0xff ? found.subarray(-2).toString('hex') : found.subarray(-8, -4).toString();
        assert.match(end, /^(ffd9|IEND)$/);
      }
    }
  });

  it('copies no frame that a slice holds whole', () => {
    const stream = Buffer.concat(rawFrames(5));
    const [part] = raw().take(stream);
    assert.equal(part?.buffer, stream.buffer);
    assert.equal(part?.length, stream.length);
    const [jpeg] = images().take(JPEGS[0] as Buffer);
    assert.equal(jpeg?.buffer, (JPEGS[0] as Buffer).buffer);
  });

  it('says so when no image comes, and goes on looking', () => {
    const joiner = images();
    const video = Buffer.alloc(300_000, 0x21);
    for (let n = 0; n < 3; n += 1) assert.deepEqual(joiner.take(video), []);
    throwsCoded(() => joiner.take(video), 'ERR_FRAME_FORMAT', /expected a byte stream of JPEG or PNG/);
    assert.deepEqual(joined(joiner, [JPEGS[0] as Buffer]), [JPEGS[0]]);
  });

  it('does not guess what a source is that was met in the middle', () => {
    const joiner = auto();
    joiner.gap(5);
    throwsCoded(() => joiner.take(Buffer.alloc(40)), 'ERR_FRAME_FORMAT', /set the format/);
  });
});

/** A comment segment of random bytes behind the beginning of a JPEG, markers of all kinds among them. */
function withComment(jpeg: Buffer, random: Random): Buffer {
  const text = Buffer.from(
    Array.from({ length: random.below(3000) }, () => random.pick([0xff, 0xd8, 0xd9, 0x89, 0])),
  );
  const head = Buffer.from([0xff, 0xfe, 0, 0]);
  head.writeUInt16BE(text.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, text, jpeg.subarray(2)]);
}
