/** The test of test/nodes/bad-messages at length, with a seed of its own each time. */
import assert from 'node:assert/strict';
import { BadMessages } from '../helpers/bad-messages-run.mts';

const SEED = Number(process.env.BAD_MESSAGES_SEED ?? Date.now() % 2 ** 31);
const COUNT = Number(process.env.BAD_MESSAGES ?? 200_000);
const AT_ONCE = 5000;

describe('generated bad messages, at length', function () {
  this.timeout(3_600_000);

  it(`of seed ${SEED}`, async () => {
    const replay = `replay: BAD_MESSAGES_SEED=${SEED} npm run soak -- bad-messages`;
    const bad = await BadMessages.open();
    try {
      let before = 0;
      let good = 0;
      const sizes: number[] = [];
      for (let from = 0; from < COUNT; from += AT_ONCE) {
        const result = await bad.send(SEED, from, Math.min(COUNT, from + AT_ONCE));
        assert.deepEqual(result.faults, [], replay);
        good = result.good;
        const now = await bad.memory();
        sizes.push(Math.round(now / 1e6));
        if (from === AT_ONCE) before = now;
        else if (from > AT_ONCE)
          assert.ok(now - before < 48e6, `the memory grew by ${now - before} bytes; ${replay}`);
      }
      console.log(
        `figures: ${COUNT} messages of seed ${SEED}, memory ${sizes[0]} to ${Math.max(...sizes)} MB`,
      );
      const stored = await bad.stored();
      const numbers = Array.from({ length: good }, (_, number) => number);
      assert.deepEqual(stored.frames, numbers, replay);
      assert.deepEqual(stored.readings, numbers, replay);
    } finally {
      await bad.close();
    }
  });
});
