/** native/core/tests/fuzz.rs with a million inputs, with a seed of its own each time. */
import { cargoTest } from '../helpers/cargo.mts';

const SEED = process.env.FUZZ_SEED ?? String(Date.now() % 2 ** 31);
const INPUTS = process.env.FUZZ_INPUTS ?? '1000000';

describe('decoders under damaged input, at length', function () {
  this.timeout(4 * 3_600_000);

  it(`of seed ${SEED}`, () => {
    const env = { FUZZ_SEED: SEED, FUZZ_INPUTS: INPUTS };
    const seconds = cargoTest(['--test', 'fuzz'], env, 'npm run soak -- decoders');
    console.log(`figures: ${INPUTS} inputs of seed ${SEED} in ${seconds} s, each an error or pixels`);
  });
});
