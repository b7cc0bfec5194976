import { join } from 'node:path';
import { root, run } from '../../scripts/run.mjs';

const native = join(root, 'native');
const ending = process.platform === 'win32' ? '.exe' : '';

/**
 * The path of a program from `native/core/examples/`, built if need be.
 *
 * @throws Error when it cannot be built
 */
export async function example(name: 'receiver' | 'zstd_limit'): Promise<string> {
  const args = ['build', '--release', '--quiet', '-p', 'atomscale-core', '--example', name];
  if ((await run('cargo', args, { cwd: native })) !== 0)
    throw new Error(`native/core/examples/${name}.rs cannot be built; its messages are above`);
  return join(native, 'target', 'release', 'examples', `${name}${ending}`);
}
