import assert from 'node:assert/strict';
import { BadMessages } from '../helpers/bad-messages-run.mts';

/** Other messages each day of the year would make a red build nobody's fault: a run has one seed unless told. */
const SEED = Number(process.env.BAD_MESSAGES_SEED ?? 20_260_801);
const COUNT = 10_000;
const WARM_UP = 1000;

describe('generated bad messages', function () {
  this.timeout(180_000);
  let bad: BadMessages;

  before(async () => {
    bad = await BadMessages.open();
  });
  after(() => bad?.close());

  it('each end in one error or one acceptance, and harm neither the process nor the streams beside them', async () => {
    const replay = `replay: BAD_MESSAGES_SEED=${SEED} npm test -- bad-messages`;
    const warmed = await bad.send(SEED, 0, WARM_UP);
    const before = await bad.memory();
    const { faults, good, accepted, refused } = await bad.send(SEED, WARM_UP, COUNT);
    assert.deepEqual([...warmed.faults, ...faults], [], replay);
    const grown = (await bad.memory()) - before;
    assert.ok(grown < 32e6, `the memory grew by ${grown} bytes; ${replay}`);

    const all = [warmed.refused, refused].flatMap((codes) => Object.values(codes));
    const refusals = all.reduce((sum, count) => sum + count, 0);
    assert.equal(refusals + accepted + warmed.accepted, COUNT + 2 * good);
    assert.ok(refusals > COUNT / 2, `${refusals} of ${COUNT} were bad enough`);
    await bad.untilCaught(refusals);

    const stored = await bad.stored();
    const numbers = Array.from({ length: good }, (_, number) => number);
    assert.deepEqual(stored.frames, numbers, replay);
    assert.deepEqual(stored.readings, numbers, replay);
  });
});
