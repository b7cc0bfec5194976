/**
 * `npm start`: installs and builds what is missing, then hands over to the checkout's own Node, which runs
 * scripts/start/main.mts. Itself it runs on any Node, with nothing installed.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { install } from './install.mjs';
import { root, toolEnv } from './run.mjs';

if (!(await install())) process.exit(1);
if (!existsSync(join(root, 'dist', 'native'))) console.log('Building (a minute or two the first time) …');
if (!(await build())) {
  console.error('The build failed: see the lines above.');
  process.exit(1);
}

const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
// The channel tells the demo when this process is gone, however it went.
const demo = spawn(node, [join(root, 'scripts', 'start', 'main.mts')], {
  cwd: root,
  env: toolEnv(),
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // A terminal sends its own SIGINT to the demo as well; there a second one changes nothing.
  process.on(signal, () => demo.kill(signal));
}
// npm's shell does not hand on the SIGTERM it gets: it just goes, and this process has another parent.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && demo.kill('SIGTERM'), 500).unref();
demo.on('error', (error) => {
  console.error(`${node} does not start: ${error.message}. Remove node_modules and run this again.`);
  process.exit(1);
});
demo.on('exit', (code) => process.exit(code ?? 1));
