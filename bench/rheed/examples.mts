import { join } from 'node:path';
import { root, run } from '../../scripts/run.mjs';

const native = join(root, 'native');
const ending = process.platform === 'win32' ? '.exe' : '';

type Example = 'limits' | 'receiver';

const built = new Map<Example, Promise<string>>();

/**
 * The path of a program from `native/core/examples/`, built if need be.
 *
 * @throws Error when it cannot be built
 */
export function example(name: Example): Promise<string> {
  const path = built.get(name) ?? build(name);
  built.set(name, path);
  return path;
}

async function build(name: Example): Promise<string> {
  const args = ['build', '--release', '--quiet', '-p', 'atomscale-core', '--example', name];
  if ((await run('cargo', args, { cwd: native })) !== 0)
    throw new Error(`native/core/examples/${name}.rs cannot be built; its messages are above`);
  return join(native, 'target', 'release', 'examples', `${name}${ending}`);
}
