/**
 * Licences of everything this package is made of or with, from what is installed: works without a network.
 * What users get must be free to ship under Apache-2.0; what only tests and builds use may be a little wider.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../run.mjs';

/** @typedef {{ name: string, licence: string | undefined, isShipped: boolean }} Part */

/** @returns {Part[]} */
export function npmParts() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, entry]) => ({
      name: `${path.slice(path.lastIndexOf('node_modules/') + 13)}@${entry.version}`,
      licence: entry.license ?? licenceInstalled(path),
      isShipped: entry.dev !== true,
    }));
}

/** Old packages have a list, or `{type}`, where the lock file has nothing. */
function licenceInstalled(path) {
  let facts;
  try {
    facts = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
  } catch {
    return undefined;
  }
  const listed = [facts.license ?? facts.licenses ?? []].flat();
  return listed.map((one) => (typeof one === 'string' ? one : one.type)).join(' OR ') || undefined;
}

/** @returns {Promise<Part[]>} empty when cargo has no answer */
export async function cargoParts() {
  const lines = [];
  const args = ['metadata', '--format-version', '1', '--locked', '--offline'];
  const code = await run('cargo', args, {
    cwd: join(root, 'native'),
    quiet: true,
    onLine: (line) => lines.push(line),
  });
  const text = lines.find((line) => line.startsWith('{'));
  if (code !== 0 || text === undefined) return [];
  return JSON.parse(text).packages.map(({ name, version, license }) => ({
    name: `${name}@${version}`,
    licence: license ?? undefined,
    isShipped: true,
  }));
}

/**
 * Whether an SPDX expression can be satisfied by the allowed licences alone. `A/B` is the old `A OR B`; an
 * exception (`WITH`) only gives more freedom.
 *
 * @param {string} expression
 * @param {ReadonlySet<string>} allowed
 */
export function permits(expression, allowed) {
  const tokens = expression.replaceAll('/', ' OR ').match(/\(|\)|[^\s()]+/g) ?? [];
  let at = 0;
  const one = () => {
    const token = tokens[at++];
    if (token === '(') {
      const inner = either();
      at += 1; // the closing one
      return inner;
    }
    if (tokens[at] === 'WITH') at += 2;
    return token !== undefined && allowed.has(token);
  };
  const both = () => {
    let good = one();
    while (tokens[at] === 'AND') {
      at += 1;
      good = one() && good;
    }
    return good;
  };
  const either = () => {
    let good = both();
    while (tokens[at] === 'OR') {
      at += 1;
      good = both() || good;
    }
    return good;
  };
  return either() && at === tokens.length;
}
