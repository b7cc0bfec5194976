import assert from 'node:assert/strict';
import { FAULT_NAMES, type FaultName } from '../../sandbox/faults.mts';
import { FAULT_OPTIONS, readingsOf, underFault } from '../helpers/fault-load.mts';
import { range } from '../helpers/uploader.mts';

const SECONDS = 3;

describe('a camera at 120 fps while the service', function () {
  this.timeout(150_000);

  // They mostly wait: all at once.
  const runs = new Map<FaultName, ReturnType<typeof underFault>>();
  before(() => {
    for (const name of FAULT_NAMES) {
      const run = underFault({
        name,
        options: FAULT_OPTIONS[name] ?? {},
        seconds: SECONDS,
        flushEvery: 400,
        flushInterval: 0,
      });
      run.catch(() => undefined);
      runs.set(name, run);
    }
  });

  for (const name of FAULT_NAMES) {
    it(`has the fault ${name}: nothing is lost, and the backlog drains`, async () => {
      const outcome = await (runs.get(name) as ReturnType<typeof underFault>);
      assert.ok(outcome.struck > 0, 'the fault struck nothing');
      assert.equal(outcome.pushed, SECONDS * 120);
      assert.deepEqual(outcome.frames, range(0, outcome.pushed));
      assert.deepEqual(outcome.readings, readingsOf(outcome.pushed));
      for (const { lost, chunks_spooled, chunks_uploaded } of outcome.reports)
        assert.deepEqual([lost, chunks_uploaded], [[], chunks_spooled]);
      assert.deepEqual(outcome.complaints, []);
    });
  }
});
