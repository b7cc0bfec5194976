import assert from 'node:assert/strict';
import { type CameraOutcome, runCameras } from '../helpers/camera-load.mts';
import { range } from '../helpers/uploader.mts';

describe('cameras at full rate through Node-RED', function () {
  this.timeout(180_000);

  function complete(outcome: CameraOutcome, cameras: number, count: number): void {
    const { done, errors } = outcome.result;
    assert.deepEqual({ done, errors }, { done: cameras * count, errors: [] });
    const lengths = outcome.numbers.map((numbers) => numbers.length);
    assert.deepEqual(lengths, Array(cameras).fill(count));
    for (const numbers of outcome.numbers) assert.deepEqual(numbers, range(0, count));
    assert.deepEqual(outcome.complaints, []);
    assert.ok(outcome.growth < 64 * 2 ** 20, `memory grew by ${Math.round(outcome.growth / 2 ** 20)} MB`);
  }

  it('one at 120 frames/s: each frame once, in order, intact; memory stays flat', async () => {
    complete(await runCameras({ cameras: 1, fps: 120, seconds: 10 }), 1, 1200);
  });

  it('eight at 30 frames/s: the same', async () => {
    complete(await runCameras({ cameras: 8, fps: 30, seconds: 6 }), 8, 180);
  });
});
