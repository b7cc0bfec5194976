/** Installs what package-lock.json names when it is not there yet. Runs on any Node, with nothing installed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { output, root, run } from './run.mjs';

/** What is not as package-lock.json says, in words; null when all is. */
export async function installationFault(folder = root) {
  const wanted = packages(join(folder, 'package-lock.json'));
  const present = packages(join(folder, 'node_modules', '.package-lock.json'));
  if (wanted === null) return null;
  if (present === null) return 'node_modules is not there';
  for (const [path, { version, optional, link }] of Object.entries(wanted)) {
    if (path === '' || link) continue;
    const found = present[path];
    if (found ? found.version !== version : !optional) {
      return `${path.replace(/^.*node_modules\//, '')} ${version} is ${found ? `${found.version} here` : 'missing'}`;
    }
  }
  return (await output('node', ['--version'])) === null ? 'the checkout’s Node does not start' : null;
}

function packages(path) {
  if (!existsSync(path)) return null;
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

/** Resolves to false, after a line that says what to do, when the packages cannot be installed. */
export async function install() {
  const fault = await installationFault();
  if (fault === null) return true;
  console.log(`Installing packages (${fault}) …`);
  // Unlike `npm ci` this keeps what is right already, and does without what a registry lacks for other platforms.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  if ((await run('npm', args, { env: { NODE_ENV: '' } })) === 0) return true;
  console.error('The packages could not be installed: see the lines above, then run this again.');
  return false;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = (await install()) ? 0 : 1;
}
