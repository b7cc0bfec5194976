import assert from 'node:assert/strict';
import { runModel } from '../helpers/model/run.mts';

const LIVES = 3000;

describe('any life of a lab, thousands of times', () => {
  it('loses nothing that was confirmed', async () => {
    const lives = await runModel({ runs: LIVES, seconds: 3 * 3600 });
    console.log(`    figures: ${lives} lives`);
    assert.ok(lives >= LIVES, `${lives} lives in three hours`);
  });
});
