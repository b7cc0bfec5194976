import assert from 'node:assert/strict';
import { runCameras } from '../../bench/node-red/camera-run.mts';

describe('cameras at full rate through Node-RED', function () {
  this.timeout(180_000);

  /** Rejects when a frame is refused, missing, twice, out of order or not intact. */
  async function growth(cameras: number, fps: number, seconds: number): Promise<number> {
    const load = { version: 5, cameras, fps, seconds, idleSeconds: 3, interval: 1000 } as const;
    const { idle, loaded, frames } = await runCameras(load);
    assert.equal(frames, cameras * fps * seconds);
    assert.equal(loaded.done, frames);
    return loaded.memory_mb - idle.memory_mb;
  }

  it('one at 120 frames/s: each frame once, in order, intact; memory stays flat', async () => {
    const grown = await growth(1, 120, 10);
    assert.ok(grown < 64, `memory grew by ${Math.round(grown)} MB`);
  });

  it('eight at 30 frames/s: the same', async () => {
    const grown = await growth(8, 30, 6);
    assert.ok(grown < 64, `memory grew by ${Math.round(grown)} MB`);
  });
});
