/** native/core/tests/fuzz.rs with a million inputs, with a seed of its own each time. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const INPUTS = Number(process.env.FUZZ_INPUTS ?? 1_000_000);

describe('decoders under damaged input, at length', function () {
  this.timeout(4 * 3_600_000);

  it(`of seed ${SEED}`, () => {
    const args = ['test', '--release', '-p', 'atomscale-core', '--test', 'fuzz'];
    const { status, stdout, stderr } = spawnSync('cargo', args, {
      cwd: fileURLToPath(new URL('../../native/', import.meta.url)),
      env: { ...process.env, FUZZ_SEED: String(SEED), FUZZ_INPUTS: String(INPUTS) },
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const seconds = /finished in ([\d.]+)s/.exec(stdout)?.[1];
    if (status !== 0 || !/ 1 passed/.test(stdout)) {
      throw new Error(
        `${stdout}\n${stderr}\nreplay: FUZZ_SEED=${SEED} FUZZ_INPUTS=${INPUTS} npm run soak -- decoders`,
      );
    }
    console.log(`figures: ${INPUTS} inputs of seed ${SEED} in ${seconds} s, each an error or pixels`);
  });
});
