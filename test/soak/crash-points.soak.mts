import { missing } from '../helpers/crash-bench.mts';
import { checkPoints, everyPowerCut } from '../helpers/crash-points.mts';

describe('the process ends, or the disk fails, at every file operation of a stream’s life', function () {
  this.timeout(0);

  before(function () {
    if (missing() !== undefined) this.skip();
  });

  for (const kind of ['rheed', 'timeseries'] as const) {
    for (const row of [1, 4]) {
      it(`${kind}: what was confirmed arrives, once and in order, when ${row} fail in a row`, async () => {
        const { operations, checked } = await checkPoints(kind, row, (all) => all);
        console.log(`      ${kind}: ${operations} file operations, ${checked} points`);
      });
    }

    it(`${kind}: what was synced is there after a power cut`, async () => {
      const { checked } = await checkPoints(kind, 1, everyPowerCut);
      console.log(`      ${kind}: ${checked} power cuts`);
    });
  }
});
