/** The test of test/nodes/bad-messages at length, with a seed of its own each time. */
import assert from 'node:assert/strict';
import { BadMessages } from '../helpers/bad-messages-run.mts';

const SEED = Number(process.env.BAD_MESSAGES_SEED ?? Date.now() % 2 ** 31);
const COUNT = Number(process.env.BAD_MESSAGES ?? 200_000);
const AT_ONCE = 5000;

describe('generated bad messages, at length', function () {
  this.timeout(3_600_000);

  it(`of seed ${SEED}`, async () => {
    const replay = `replay: BAD_MESSAGES_SEED=${SEED} mocha --no-config test/soak/bad-messages.soak.mts`;
    const bad = await BadMessages.open();
    try {
      let before = 0;
      let good = 0;
      for (let from = 0; from < COUNT; from += AT_ONCE) {
        const result = await bad.send(SEED, from, Math.min(COUNT, from + AT_ONCE));
        assert.deepEqual(result.faults, [], replay);
        good = result.good;
        const now = await bad.memory();
        console.log(`${from + AT_ONCE} messages: ${Math.round(now / 1e6)} MB`);
        if (from === AT_ONCE) before = now;
        else if (from > AT_ONCE)
          assert.ok(now - before < 48e6, `the memory grew by ${now - before} bytes; ${replay}`);
      }
      const stored = await bad.stored();
      const numbers = Array.from({ length: good }, (_, number) => number);
      assert.deepEqual(stored.frames, numbers, replay);
      assert.deepEqual(stored.readings, numbers, replay);
    } finally {
      await bad.close();
    }
  });
});
