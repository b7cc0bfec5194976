import { missing } from '../helpers/crash-bench.mts';
import { checkPoints, everyPowerCut, sample } from '../helpers/crash-points.mts';

/** `npm run soak` tries every point. */
const SAMPLE = 28;
const POWER_CUTS = 16;
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1000);

describe('the process ends, or the disk fails, at any file operation of a stream’s life', function () {
  this.timeout(120_000);

  before(function () {
    const why = missing();
    if (why === undefined) return;
    console.log(`skipped: ${why}`);
    this.skip();
  });

  for (const kind of ['rheed', 'timeseries'] as const) {
    it(`${kind}: what was confirmed arrives, once and in order`, async () => {
      console.log(`      seed ${seed}; replay: CRASH_SEED=${seed} npm test -- crash-points`);
      await checkPoints(kind, 1, (all) => sample(all, SAMPLE, seed));
    });

    it(`${kind}: what was synced is there after a power cut`, async () => {
      console.log(`      seed ${seed}; replay: CRASH_SEED=${seed} npm test -- crash-points`);
      await checkPoints(kind, 1, (all) => sample(everyPowerCut(all), POWER_CUTS, seed));
    });
  }
});
