import assert from 'node:assert/strict';
import { runModel } from '../helpers/model/run.mts';

describe('any life of a lab', function () {
  this.timeout(180_000);

  it('loses nothing that was confirmed', async () => {
    const lives = await runModel({ runs: 240, seconds: 40 });
    console.log(`    ${lives} lives`);
    assert.ok(lives > 0);
  });
});
