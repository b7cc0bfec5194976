import { FAULT_NAMES } from '../../sandbox/faults.mts';
import { assertNothingLost, seedOf, summaryOf, torture } from '../helpers/torture.mts';

describe('Node-RED under load, killed at random moments while the service fails, for long', function () {
  this.timeout(3_600_000);

  it('200 times: what was confirmed arrives once, bit for bit, in order', async () => {
    const outcome = await torture({
      seed: seedOf(),
      kills: 200,
      life: 8_000,
      // A 403 that is about one thing alone is a refusal: quarantine, which a person looks at.
      faults: FAULT_NAMES.filter((name) => name !== '403'),
      patience: 300_000,
      say: (line) => console.log(`      ${line}`),
    });
    console.log(`      figures: ${summaryOf(outcome)}`);
    assertNothingLost(outcome);
  });
});
