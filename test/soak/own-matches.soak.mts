/** The property of native/core/src/compress.rs that our own matches are plain zstd of the very pixels, at length. */
import { cargoTest } from '../helpers/cargo.mts';

const CASES = process.env.PROPTEST_CASES ?? '2000000';

describe('frames compressed with our own matches, at length', function () {
  this.timeout(4 * 3_600_000);

  it('come back as they were', () => {
    const args = ['--lib', 'own_matches_are_plain_zstd'];
    const seconds = cargoTest(args, { PROPTEST_CASES: CASES }, 'npm run soak -- own-matches');
    console.log(`figures: ${CASES} pictures in ${seconds} s, each back as it was`);
  });
});
