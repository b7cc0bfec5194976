import assert from 'node:assert/strict';
import { sample } from '../helpers/crash-points.mts';
import { DamagedSpool, namedDamage } from '../helpers/damaged-spool.mts';

/** `npm run soak` tries every byte. */
const SAMPLE = 300;
const seed = Number(process.env.DAMAGE_SEED ?? Date.now() % 1000);

describe('a spool with one damaged byte', function () {
  this.timeout(120_000);
  let spool: DamagedSpool;

  before(async () => {
    spool = await DamagedSpool.make();
  });

  after(() => spool.end());

  it('delivers what is not damaged; what is, is in quarantine, counted and told once', async () => {
    console.log(`      seed ${seed}; replay: DAMAGE_SEED=${seed} npm test -- damaged-bytes`);
    const named = namedDamage();
    const damages = named === undefined ? sample(await spool.every(), SAMPLE, seed) : [named];
    const failures = await spool.failures(damages);
    assert.equal(failures.length, 0, failures.slice(0, 5).join('\n'));
  });

  it('is the same spool when the byte is in a file of the account', async () => {
    const failures = await spool.failuresOfAccount();
    assert.equal(failures.length, 0, failures.slice(0, 5).join('\n'));
  });
});
