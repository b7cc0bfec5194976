import assert from 'node:assert/strict';
import { type Growth, MONOLAYER_S, RheedCamera, smoothness } from '../../scripts/start/camera.mts';

const options = { width: 500, height: 300, fps: 120, seed: 7 };
const growing: Growth = { phase: 'growing', since: 0, from: 1 };

/** Mean gray level of the specular spot. */
function spot(frame: Uint8Array): number {
  let sum = 0;
  for (let y = 204; y < 224; y++) for (let x = 240; x < 260; x++) sum += frame[y * 500 + x] ?? 0;
  return sum / 400;
}

describe('simulated camera', () => {
  const camera = new RheedCamera(options);

  it('gives whole mono8 frames', () => {
    assert.equal(camera.frame(0, RheedCamera.atRest).length, 500 * 300);
    const small = new RheedCamera({ ...options, width: 250, height: 150 });
    assert.equal(small.frame(3, growing).length, 250 * 150);
  });

  it('gives the same frames by the same seed, others by another, and no two alike', () => {
    const again = new RheedCamera(options).frame(17, growing);
    assert.deepEqual(camera.frame(17, growing), again);
    assert.notDeepEqual(camera.frame(18, growing), again);
    assert.notDeepEqual(new RheedCamera({ ...options, seed: 8 }).frame(17, growing), again);
  });

  it('shows the growth in the specular spot, one period a monolayer', () => {
    const at = (layers: number) => spot(camera.frame(Math.round(layers * MONOLAYER_S * 120), growing));
    for (const layer of [1, 2, 3, 4]) {
      assert.ok(at(layer) > at(layer - 0.5) + 20, `maximum ${layer} stands out from the minimum before it`);
      assert.ok(at(layer) > at(layer + 0.5) + 20, `maximum ${layer} stands out from the minimum after it`);
    }
  });

  it('saturates in the specular spot of a smooth surface, and nowhere else', () => {
    const frame = camera.frame(0, RheedCamera.atRest);
    const white = [...frame.keys()].filter((p) => frame[p] === 255);
    assert.ok(white.length > 20 && white.length < 1000, `${white.length} white pixels`);
    for (const p of white) assert.ok(Math.abs((p % 500) - 250) < 20 && Math.abs(p / 500 - 214) < 30);
  });

  it('is dark below the shadow edge and noisy everywhere', () => {
    const [a, b] = [camera.frame(0, RheedCamera.atRest), camera.frame(1, RheedCamera.atRest)];
    const mean = (from: number, to: number) => {
      let sum = 0;
      for (let p = from * 500; p < to * 500; p++) sum += a[p] ?? 0;
      return sum / ((to - from) * 500);
    };
    assert.ok(mean(285, 300) < 10 && mean(200, 240) > 30);
    let squares = 0;
    for (let p = 0; p < a.length; p++) squares += ((a[p] ?? 0) - (b[p] ?? 0)) ** 2;
    const sigma = Math.sqrt(squares / a.length / 2);
    assert.ok(sigma > 1.2 && sigma < 4, `noise of ${sigma} counts`);
  });

  it('goes from resting to growing and back without a jump', () => {
    const before = smoothness(growing, 1000, 120);
    const resting: Growth = { phase: 'resting', since: 1000, from: before };
    assert.ok(Math.abs(smoothness(resting, 1000, 120) - before) < 1e-9);
    const from = smoothness(resting, 1600, 120);
    assert.ok(from > before || from > 0.5);
    assert.ok(Math.abs(smoothness({ phase: 'growing', since: 1600, from }, 1600, 120) - from) < 1e-9);
  });

  it('keeps the smoothness within 0 and 1, however often the shutter moves', () => {
    let growth: Growth = RheedCamera.atRest;
    for (let i = 0; i < 20_000; i++) {
      const now = smoothness(growth, i, 120);
      assert.ok(now >= 0 && now <= 1, `${now} at frame ${i}`);
      if (i % 777 === 0) {
        growth = { phase: growth.phase === 'growing' ? 'resting' : 'growing', since: i, from: now };
      }
    }
  });
});
