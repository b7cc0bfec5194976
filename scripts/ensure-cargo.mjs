/** Finds a Rust toolchain, or installs one where a package manager can. */
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { output, run } from './run.mjs';

/** The first Rust that builds native/. */
export const NEEDED = [1, 88];

const cargoHome = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'bin');
const toolchain = ['toolchain', 'install', 'stable', '--profile', 'minimal', '-c', 'clippy', '-c', 'rustfmt'];
const byHand = 'Install it from https://rustup.rs (and a C compiler), then run this again.';

/** Is this what `cargo --version` says of a toolchain new enough? */
export function isNewEnough(text) {
  const found = /cargo (\d+)\.(\d+)/.exec(text ?? '');
  if (!found) return false;
  const [major, minor] = [Number(found[1]), Number(found[2])];
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/**
 * The ways to a toolchain, best first, each a list of commands to be run in order.
 * @param {(program: string) => boolean} has whether a program is on the path
 * @param {{ root: boolean }} who
 * @returns {string[][][]}
 */
export function waysToCargo(has, who) {
  const elevate = who.root ? [] : ['sudo', '-n'];
  const mayInstall = who.root || has('sudo');
  const stable = ['rustup', ...toolchain];
  const ways = has('rustup') ? [[stable]] : [];
  const managers = [
    ['apt-get', ['apt-get', 'install', '-y', '--no-install-recommends'], ['gcc', 'libc6-dev']],
    ['dnf', ['dnf', 'install', '-y'], ['gcc']],
    ['pacman', ['pacman', '-S', '--noconfirm', '--needed'], ['gcc']],
    ['apk', ['apk', 'add'], ['gcc', 'musl-dev']],
  ];
  for (const [program, install, compiler] of managers) {
    if (!has(program) || !mayInstall) continue;
    const update = program === 'apt-get' ? [[...elevate, 'apt-get', 'update']] : [];
    const all = (...names) => [...elevate, ...install, ...compiler, ...names];
    ways.push([...update, all('rustup'), stable]);
    ways.push([...update, all(program === 'pacman' ? 'rust' : 'cargo')]);
  }
  if (has('brew')) ways.push([['brew', 'install', 'rust']]);
  return ways;
}

/** Resolves to true when `cargo` on the path builds native/; else says in one line what to do. */
export async function ensureCargo() {
  const path = process.env.PATH ?? '';
  if (!path.split(delimiter).includes(cargoHome)) process.env.PATH = `${path}${delimiter}${cargoHome}`;
  const found = await output('cargo', ['--version']);
  if (isNewEnough(found)) return true;
  const needed = `Rust ${NEEDED.join('.')} or newer`;
  console.log(
    `${needed} builds the native part; ${found ? `${found} is too old` : 'there is no cargo'}: installing it …`,
  );
  const programs = ['rustup', 'sudo', 'apt-get', 'dnf', 'pacman', 'apk', 'brew'];
  const present = new Set();
  for (const program of programs) {
    if ((await output(program, ['--version'])) !== null) present.add(program);
  }
  const ways = waysToCargo((program) => present.has(program), { root: process.getuid?.() === 0 });
  // A rustup that is set to an older toolchain, or to none, stays as it is set.
  process.env.RUSTUP_TOOLCHAIN ??= 'stable';
  if (isNewEnough(await output('cargo', ['--version']))) return true;
  for (const way of ways) {
    let well = true;
    for (const [command, ...args] of way) well &&= (await run(command, args)) === 0;
    if (well && isNewEnough(await output('cargo', ['--version']))) return true;
  }
  console.error(`${needed} is needed and could not be installed here. ${byHand}`);
  return false;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = (await ensureCargo()) ? 0 : 1;
}
