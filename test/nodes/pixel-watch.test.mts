import assert from 'node:assert/strict';
import { readFrames } from '../../dist/nodes/rheed-stream/frames.js';
import { PixelWatch } from '../../dist/nodes/rheed-stream/pixel-watch.js';

const spec = (settings: object = {}) =>
  readFrames({ payload: Buffer.alloc(2), format: 'mono12' }, { width: 1, height: 1, ...settings }).spec;
const stream = (key = '', folder = 'a') => ({ owner: { node: 'n', stream: key }, folder });

describe('what is seen of pixels', () => {
  it('counts clipped ones, by stream for messages and over all for the dot', () => {
    const watch = new PixelWatch();
    assert.deepEqual(watch.facts(''), { pixels_clipped: 0 });
    watch.took(stream('a'), spec(), { frames: 1, clipped: 3, sampleBits: 0x8000 });
    watch.took(stream('a'), spec(), { frames: 1, clipped: 4, sampleBits: 0 });
    watch.took(stream('b'), spec(), { frames: 1, clipped: 5, sampleBits: 0 });
    assert.deepEqual(watch.facts('a'), { pixels_clipped: 7, unused_bits: 0 });
    assert.deepEqual(watch.facts('b'), { pixels_clipped: 5 });
    assert.deepEqual(watch.remarks(), [['clipped', { clipped: 12 }]]);
  });

  it('remarks top bits that no frame uses, once there were enough, and not where depth makes up for it', () => {
    for (const depth of ['full-scale', 'frame-max']) {
      const watch = new PixelWatch();
      const seen = { frames: 50, clipped: 0, sampleBits: 0x0ff0 };
      watch.took(stream(), spec({ depth }), seen);
      assert.deepEqual(watch.remarks(), []);
      watch.took(stream(), spec({ depth }), seen);
      assert.deepEqual(watch.remarks(), depth === 'full-scale' ? [['unusedBits', { unused: 4 }]] : []);
      assert.equal(watch.facts('').unused_bits, 4);
      watch.took(stream(), spec({ depth }), { ...seen, sampleBits: 0x4000 });
      assert.deepEqual(watch.remarks(), []);
    }
  });

  it('forgets the streams that were longest silent when each growth has a name of its own', () => {
    const watch = new PixelWatch();
    const one = { frames: 1, clipped: 1, sampleBits: 0 };
    for (let growth = 0; growth < 150; growth += 1) {
      watch.took(stream(`growth ${growth}`), spec(), one);
      watch.took(stream('goes on'), spec(), one);
    }
    assert.equal(watch.facts('growth 0').pixels_clipped, 0);
    assert.equal(watch.facts('growth 149').pixels_clipped, 1);
    assert.equal(watch.facts('goes on').pixels_clipped, 150);
    assert.deepEqual(watch.remarks(), [['clipped', { clipped: 150 + 99 }]]);
  });

  it('keeps the facts of a finalized stream until another one takes its name', () => {
    const watch = new PixelWatch();
    watch.took(stream(), spec(), { frames: 1, clipped: 3, sampleBits: 0x8000 });
    watch.ended('');
    assert.deepEqual(watch.remarks(), []);
    assert.deepEqual(watch.facts(''), { pixels_clipped: 3, unused_bits: 0 });
    watch.took(stream('', 'b'), spec(), { frames: 1, clipped: 1, sampleBits: 0 });
    assert.deepEqual(watch.facts(''), { pixels_clipped: 1 });
  });
});
