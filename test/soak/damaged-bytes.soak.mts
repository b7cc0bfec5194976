import assert from 'node:assert/strict';
import { DamagedSpool } from '../helpers/damaged-spool.mts';

describe('a spool with one damaged byte', function () {
  this.timeout(0);

  it('delivers what is not damaged, whichever byte it is; what is, is in quarantine, counted and told once', async () => {
    const spool = await DamagedSpool.make();
    try {
      const damages = await spool.every();
      const failures = await spool.failures(damages);
      console.log(`      ${damages.length} damages`);
      assert.equal(failures.length, 0, failures.slice(0, 20).join('\n'));
    } finally {
      await spool.end();
    }
  });
});
