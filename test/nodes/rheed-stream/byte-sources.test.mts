import assert from 'node:assert/strict';
import { ByteSources } from '../../../dist/nodes/rheed-stream/framing/byte-sources.js';
import { readLayout } from '../../../dist/nodes/rheed-stream/framing/layout.js';
import { runOf, sliceBytes } from '../../../dist/nodes/rheed-stream/framing/slice.js';
import { throwsCoded } from '../../helpers/coded.mts';
import { Random } from '../../helpers/random.mts';

const FRAME = 10;
const layout = () => ({ format: 'mono8', frameBytes: FRAME });
/** Frames of 10 equal bytes: 1, 2, 3 … */
const frames = (first: number, count: number) =>
  Buffer.concat(Array.from({ length: count }, (_, n) => Buffer.alloc(FRAME, first + n)));

let nextNode = 0;
let nextId = 0;

describe('byte sources of a node', () => {
  let node: string;
  let sources: ByteSources;
  let cuts: string[];

  const open = () => {
    sources = new ByteSources(node, (stream, why) => cuts.push(`${stream} ${why}`));
  };

  beforeEach(() => {
    nextNode += 1;
    node = `node ${nextNode}`;
    cuts = [];
    open();
  });

  /** First bytes of the frames that a slice completes. */
  function take(payload: Uint8Array, more: object = {}, stream = ''): number[] {
    nextId += 1;
    const msg = { payload, _msgid: `m${nextId}`, ...more };
    const whole = Buffer.concat(sources.take(msg, stream, layout).parts);
    assert.equal(whole.length % FRAME, 0);
    const found = Array.from({ length: whole.length / FRAME }, (_, n) =>
      whole.subarray(n * FRAME, (n + 1) * FRAME),
    );
    for (const frame of found)
      assert.ok(
        frame.every((byte) => byte === frame[0]),
        'a frame is shifted',
      );
    return found.map((frame) => frame[0] as number);
  }

  const session = (id: string) => ({ _session: { type: 'tcp', id } });
  const seconds = (count: number) => {
    for (let n = 0; n < count; n += 1) sources.tick();
  };

  it('joins connections and streams apart', () => {
    assert.deepEqual(take(frames(1, 2).subarray(0, 15), session('a')), [1]);
    assert.deepEqual(take(frames(5, 1).subarray(0, 3), session('b')), []);
    assert.deepEqual(take(frames(9, 1).subarray(0, 4), {}, 'other'), []);
    assert.deepEqual(take(frames(1, 2).subarray(15), session('a')), [2]);
    assert.deepEqual(take(frames(9, 1).subarray(4), {}, 'other'), [9]);
    assert.deepEqual(take(frames(5, 1).subarray(3), session('b')), [5]);
    assert.deepEqual(cuts, []);
  });

  it('takes the strings that exec makes of valid UTF-8 for their bytes', () => {
    const random = new Random(4);
    for (let round = 0; round < 200; round += 1) {
      const text = Array.from({ length: 20 }, () =>
        String.fromCodePoint(random.pick([0x41, 0xe9, 0x20ac, 0x1f600, 0xfeff])),
      );
      const bytes = Buffer.from(text.join(''));
      assert.deepEqual(Buffer.from(sliceBytes(bytes.toString())), bytes);
    }
    nextId += 1;
    const msg = { payload: 'AAAAAAAAAA', _msgid: 'x' };
    assert.deepEqual(Buffer.concat(sources.take(msg, '', layout).parts), Buffer.alloc(10, 'A'));
    assert.deepEqual(sources.take({ payload: '' }, '', layout).parts, []);
    for (const payload of [null, 5, {}, [1], new Uint16Array(5)])
      throwsCoded(() => sources.take({ payload }, '', layout), 'ERR_FRAME_FORMAT');
  });

  it('begins with a frame when exec starts its program again', () => {
    take(frames(1, 1), { _msgid: 'run 1' });
    take(frames(2, 1).subarray(0, 7), { _msgid: 'run 1' });
    assert.deepEqual(take(frames(3, 2), { _msgid: 'run 2' }), [3, 4]);
    assert.deepEqual(cuts, [' ended']);
  });

  describe('of a program that exec started again before its first run showed one id twice', () => {
    const adrift = (payload: Uint8Array, run: string) =>
      throwsCoded(() => take(payload, { _msgid: run }), 'ERR_FRAME_SHAPE', /start the source again/);

    it('are refused once that is known, until the next run', () => {
      take(frames(1, 1).subarray(0, 7), { _msgid: 'A' });
      // It may be the rest of the same frame: most nodes send each slice under an id of its own.
      sources.take({ payload: frames(2, 1).subarray(0, 6), _msgid: 'B' }, '', layout);
      adrift(Buffer.concat([frames(2, 1).subarray(6), frames(3, 3)]), 'B');
      adrift(frames(6, 2), 'B');
      assert.deepEqual(take(frames(8, 2), { _msgid: 'C' }), [8, 9]);
      assert.deepEqual(take(frames(10, 1), { _msgid: 'C' }), [10]);
    });

    it('go on where the first run ended with a frame', () => {
      assert.deepEqual(take(frames(1, 1), { _msgid: 'A' }), [1]);
      assert.deepEqual(take(frames(2, 1).subarray(0, 6), { _msgid: 'B' }), []);
      assert.deepEqual(take(frames(2, 1).subarray(6), { _msgid: 'B' }), [2]);
      assert.deepEqual(take(frames(3, 1), { _msgid: 'B' }), [3]);
    });

    it('are refused when a last slice of the first run comes within the second', () => {
      for (const [first, tail] of [
        [5, 5],
        [10, 7],
        [7, 3],
      ] as const) {
        sources.close();
        node += '+';
        open();
        take(frames(1, 1), { _msgid: 'A' });
        take(frames(2, 1).subarray(0, 4), { _msgid: 'A' });
        take(frames(5, 1).subarray(0, first), { _msgid: 'B' });
        adrift(frames(2, 1).subarray(0, tail), 'A');
        adrift(frames(6, 3), 'B');
        adrift(frames(9, 1), 'B');
        assert.deepEqual(take(frames(10, 1), { _msgid: 'C' }), [10]);
      }
    });

    it('never concerns sources whose slices have each an id of its own', () => {
      const stream = frames(1, 30);
      const found: number[] = [];
      for (let at = 0; at < stream.length; at += 7) found.push(...take(stream.subarray(at, at + 7)));
      assert.equal(found.length, 30);
    });
  });

  it('begins with a frame for every file of file in, and not for every slice of split', () => {
    const file = (id: string) => ({ parts: { type: 'buffer', ch: '', index: 0, id } });
    take(frames(1, 1).subarray(0, 7), file('one'));
    assert.deepEqual(take(frames(3, 2), file('two')), [3, 4]);
    const part = { parts: { type: 'buffer', ch: '', len: 7, id: 'three' } };
    assert.equal(runOf(part), undefined);
  });

  it('goes on after a pause where it knows that it is the same source', () => {
    take(frames(1, 1).subarray(0, 7), session('a'));
    seconds(20);
    assert.deepEqual(take(frames(1, 1).subarray(7), session('a')), [1]);
    take(frames(2, 1).subarray(0, 7), session('a'));
    seconds(60);
    assert.deepEqual(cuts, [' ended']);
    const rest = Buffer.concat([frames(2, 1).subarray(7), frames(3, 1)]);
    assert.deepEqual(take(rest, session('a')), [3]);

    take(frames(5, 1), { _msgid: 'run' });
    take(frames(6, 1).subarray(0, 7), { _msgid: 'run' });
    seconds(20);
    assert.deepEqual(take(Buffer.concat([frames(6, 1).subarray(7), frames(7, 1)]), { _msgid: 'run' }), [7]);
  });

  it('begins with a frame after a pause where it does not', () => {
    take(frames(1, 1).subarray(0, 7));
    seconds(4);
    take(frames(1, 1).subarray(7, 8));
    seconds(4);
    assert.deepEqual(cuts, []);
    seconds(1);
    assert.deepEqual(cuts, [' ended']);
    assert.deepEqual(take(frames(3, 1)), [3]);
  });

  it('keeps the place of slices that are refused', () => {
    const stream = frames(1, 6);
    const refuse = (payload: Uint8Array) => sources.missed({ payload, _msgid: 'x' })('', layout);
    take(stream.subarray(0, 13));
    refuse(stream.subarray(13, 29));
    assert.deepEqual(take(stream.subarray(29)), [4, 5, 6]);
    assert.deepEqual(cuts, [' broken']);
  });

  it('lets the frame go in which a stream is finalized, and goes on with the next', () => {
    take(frames(1, 1).subarray(0, 7), session('a'));
    take(frames(4, 1).subarray(0, 7), {}, 'other');
    sources.ended('');
    assert.deepEqual(cuts, [' ended']);
    assert.deepEqual(take(Buffer.concat([frames(1, 1).subarray(7), frames(2, 1)]), session('a')), [2]);
    assert.deepEqual(take(frames(4, 1).subarray(7), {}, 'other'), [4]);
  });

  describe('when the node is deployed again while they go on', () => {
    it('refuses raw slices rather than shift frames, until the source begins anew', () => {
      take(frames(1, 1).subarray(0, 7), session('a'));
      take(frames(5, 1), { _msgid: 'run' }, 'exec');
      take(frames(5, 1).subarray(0, 3), { _msgid: 'run' }, 'exec');
      take(frames(5, 1).subarray(0, 3), {}, 'serial');
      sources.close();
      assert.equal(cuts.length, 3);
      for (let round = 0; round < 2; round += 1) {
        open();
        throwsCoded(() => take(frames(2, 1), session('a')), 'ERR_FRAME_SHAPE', /start the source again/);
        throwsCoded(() => take(frames(2, 1), { _msgid: 'run' }, 'exec'), 'ERR_FRAME_SHAPE');
        throwsCoded(() => take(frames(2, 1), {}, 'serial'), 'ERR_FRAME_SHAPE');
        sources.close();
      }
      open();
      assert.deepEqual(take(frames(2, 1), session('b')), [2]);
      assert.deepEqual(take(frames(2, 1), { _msgid: 'run 2' }, 'exec'), [2]);
      throwsCoded(() => take(frames(2, 1), {}, 'serial'), 'ERR_FRAME_SHAPE');
      seconds(5);
      assert.deepEqual(take(frames(2, 1), {}, 'serial'), [2]);
    });

    it('refuses raw slices of a source that the node took for messages before', () => {
      for (let n = 0; n < 3; n += 1) sources.refused({ payload: Buffer.alloc(7), _msgid: 'run' }, '');
      sources.refused({ payload: Buffer.alloc(7), ...session('a') }, '');
      sources.refused({ payload: { an: 'object' } }, 'other');
      sources.close();
      open();
      throwsCoded(() => take(frames(1, 1), { _msgid: 'run' }), 'ERR_FRAME_SHAPE', /start the source again/);
      throwsCoded(() => take(frames(1, 1), session('a')), 'ERR_FRAME_SHAPE', /start the source again/);
      assert.deepEqual(take(frames(1, 1), { _msgid: 'run 2' }), [1]);
      assert.deepEqual(take(frames(1, 1), session('b')), [1]);
      assert.deepEqual(take(frames(1, 1), {}, 'other'), [1]);
    });

    it('goes on where every slice was of whole frames', () => {
      take(frames(1, 2));
      take(frames(3, 1));
      sources.close();
      open();
      assert.deepEqual(take(frames(4, 1)), [4]);
    });
  });

  it('finds the place of frames whose size was not known, or was another one in the settings, before they were taken', () => {
    const stream = frames(1, 4);
    const unknown = () => readLayout({ format: 'mono8' }, {});
    throwsCoded(
      () => sources.take({ payload: stream.subarray(0, 7) }, '', unknown),
      'ERR_FRAME_SHAPE',
      /width and height/,
    );
    sources.missed({ payload: stream.subarray(7, 12) })('', () => ({ format: 'mono8', frameBytes: 4 }));
    assert.deepEqual(take(stream.subarray(12)), [3, 4]);
    assert.deepEqual(cuts, []);
  });

  it('refuses raw slices when the size of their frames changes, until the source begins anew', () => {
    take(frames(1, 2), session('a'));
    const other = () => ({ format: 'mono8', frameBytes: 20 });
    for (let n = 0; n < 2; n += 1) {
      const msg = { payload: frames(3, 2), ...session('a') };
      throwsCoded(() => sources.take(msg, '', other), 'ERR_FRAME_SHAPE', /start the source again/);
    }
    assert.equal(sources.take({ payload: frames(3, 2), ...session('b') }, '', other).parts.length, 1);
  });

  it('refuses a text in which bytes were lost, and what follows it', () => {
    const payload = Buffer.from([0xff, 0x41]).toString();
    throwsCoded(() => sources.take({ payload }, '', layout), 'ERR_FRAME_FORMAT', /a Buffer/);
    throwsCoded(() => take(frames(1, 1)), 'ERR_FRAME_SHAPE', /start the source again/);
  });

  it('forgets the oldest of many connections, and says so of the frame that it had begun', () => {
    take(frames(1, 1).subarray(0, 7), session('first'));
    for (let n = 0; n < 99; n += 1) take(frames(1, 1), session(`s${n}`));
    assert.deepEqual(cuts, []);
    take(frames(1, 1), session('one too many'));
    assert.deepEqual(cuts, [' ended']);
  });
});
