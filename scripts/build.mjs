/** Builds everything into dist/: the native library, the compiled TypeScript, and what lies beside it. */
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureCargo } from './ensure-cargo.mjs';
import { root, run } from './run.mjs';

const dist = join(root, 'dist');
const compiled = ['nodes', 'uploader', 'cli'];
/** What a build writes into native/. */
const generated = ['target', 'index.d.ts'];

/** Resolves to false when a part fails; says which by its own messages. */
export async function build() {
  const native = await buildNative();
  const typescript = (await run('tsc', ['-p', 'tsconfig.json'])) === 0;
  await prune();
  await copyBeside();
  return native && typescript;
}

/** The shared library for this machine, when a source is newer than it. */
async function buildNative() {
  const [sources, binaries] = [join(root, 'native'), join(dist, 'native')];
  const newestSource = Math.max(...(await ages(sources, (path) => !generated.includes(basename(path)))));
  const isOurs = (path) => path.includes(`.${process.platform}-${process.arch}`);
  const newestBinary = Math.max(...(await ages(binaries, isOurs)));
  if (newestBinary > newestSource) return true;
  if (!(await ensureCargo())) return false;
  // Built aside and renamed: a running process keeps the file it has loaded.
  const aside = join(root, 'native', 'target', 'napi');
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { recursive: true });
  const where = ['--cwd', 'native/binding', '--output-dir', '../target/napi', '--dts', '../../index.d.ts'];
  const code = await run('napi', ['build', '--platform', '--release', '--no-js', ...where]);
  if (code !== 0) return false;
  await mkdir(binaries, { recursive: true });
  for (const name of await readdir(aside)) await rename(join(aside, name), join(binaries, name));
  return true;
}

/** Output whose source is gone would still be loaded and published. */
async function prune() {
  for (const room of compiled) {
    for (const path of await files(join(dist, room))) {
      const source = join(root, relative(dist, path).replace(/\.(d\.ts|js)$/, '.ts'));
      if (/\.(d\.ts|js)$/.test(path) && !existsSync(source)) await rm(path);
    }
  }
}

/** Editor forms, locales and icons, beside the nodes they belong to. */
async function copyBeside() {
  const nodes = join(root, 'nodes');
  for (const path of await files(nodes)) {
    if (extname(path) === '.ts') continue;
    const to = join(dist, 'nodes', relative(nodes, path));
    await mkdir(dirname(to), { recursive: true });
    await cp(path, to);
    // A node type is a folder with its form.
    const isForm = basename(path) === `${basename(dirname(path))}.html`;
    if (isForm) await cp(join(root, 'icons'), join(dirname(to), 'icons'), { recursive: true, force: true });
  }
}

/** All files below a folder; those that `wanted` leaves out are not entered. */
async function files(folder, wanted = () => true) {
  if (!existsSync(folder)) return [];
  const found = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (!wanted(path)) continue;
    found.push(...(entry.isDirectory() ? await files(path, wanted) : [path]));
  }
  return found;
}

async function ages(folder, wanted) {
  return Promise.all((await files(folder, wanted)).map(async (path) => (await stat(path)).mtimeMs));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = (await build()) ? 0 : 1;
}
