import assert from 'node:assert/strict';
import clockModule from '../../dist/uploader/clock.js';

describe('the clock correction', () => {
  it('is the mean of both ways, uncertain by half the round trip', () => {
    // Reference 5000 ms ahead, 10 ms there, 3 ms at work, 20 ms back.
    assert.deepEqual(clockModule.sampleOf(1000, 6010, 6013, 1033), { offsetMs: 4995, uncertaintyMs: 15 });
  });
});
