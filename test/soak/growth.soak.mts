import assert from 'node:assert/strict';
import { faultsOf, figuresOf, growthOver, oneGrowth, redeploy } from '../helpers/growth.mts';
import { NodesBench } from '../helpers/nodes-bench.mts';

const ROUNDS = 1000;

describe('a Node-RED that runs for very long', function () {
  this.timeout(3_600_000);
  let bench: NodesBench;

  beforeEach(async () => {
    bench = await NodesBench.open();
  });

  afterEach(() => bench?.close());

  for (const [name, round] of [
    ['redeploys', redeploy],
    ['streams of each kind, opened and finalized', oneGrowth],
  ] as const) {
    it(`${ROUNDS} ${name}: memory, handles, threads and files stay flat`, async () => {
      const growth = await growthOver(bench, (number) => round(bench, number), ROUNDS, 60);
      console.log(`      figures: ${ROUNDS} ${name}: ${figuresOf(growth)}`);
      assert.deepEqual(faultsOf(growth, ROUNDS), []);
    });
  }
});
