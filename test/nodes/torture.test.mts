import { FAULT_NAMES } from '../../sandbox/faults.mts';
import { assertNothingLost, seedOf, summaryOf, torture } from '../helpers/torture.mts';

describe('Node-RED under load, killed at random moments while the service fails', function () {
  this.timeout(300_000);

  it('12 times: what was confirmed arrives once, bit for bit, in order', async () => {
    const outcome = await torture({
      seed: seedOf(),
      kills: 12,
      life: 2_000,
      // Without those that pause an account: it would take a minute each to go on.
      faults: FAULT_NAMES.filter((name) => name !== '401' && name !== '403'),
      patience: 90_000,
    });
    console.log(`      ${summaryOf(outcome)}`);
    assertNothingLost(outcome);
  });
});
