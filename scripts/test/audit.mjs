/**
 * Known vulnerabilities and licences of all dependencies, as steps of `npm test`. An audit that gets no answer (no
 * network, no such tool) is skipped by name. Whatever is allowed stands in allowed.json with its reason, a
 * vulnerability as `{id, reason, until}`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../run.mjs';
import { cargoParts, npmParts, permits } from './licences.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

const allowed = JSON.parse(readFileSync(new URL('allowed.json', import.meta.url), 'utf8'));

/**
 * @param {string[]} skippedNames the names of what got no answer are added
 * @returns {Promise<Counts>}
 */
export async function vulnerabilities(skippedNames) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, found] of [
    ['npm audit of what users install', await npmAudit(['--omit=dev'])],
    ['npm audit of everything', await npmAudit([])],
    ['cargo audit', await cargoAudit()],
  ]) {
    if (found === undefined) {
      counts.skipped += 1;
      skippedNames.push(`${name}: it got no answer here`);
      continue;
    }
    const bad = found.filter(({ id }) => !isAllowed(id));
    for (const { id, what } of bad) console.error(`${name}: ${id}: ${what}`);
    counts[bad.length === 0 ? 'passed' : 'failed'] += 1;
  }
  return counts;
}

/** @returns {Promise<Counts>} */
export async function licences(skippedNames) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const shipped = new Set(allowed.licences.everywhere);
  const used = new Set([...shipped, ...allowed.licences.development]);
  for (const [name, parts] of [
    ['licences of npm packages', npmParts()],
    ['licences of crates', await cargoParts()],
  ]) {
    if (parts.length === 0) {
      counts.skipped += 1;
      skippedNames.push(`${name}: nothing is installed`);
      continue;
    }
    const bad = parts.filter(
      ({ name: part, licence, isShipped }) =>
        !permits(readByHand(part) ?? licence ?? '', isShipped ? shipped : used),
    );
    for (const part of bad)
      console.error(`${name}: ${part.name}: expected an allowed licence, got ${part.licence}`);
    counts[bad.length === 0 ? 'passed' : 'failed'] += 1;
  }
  return counts;
}

/** The licence of a package that does not name it as SPDX does. */
function readByHand(part) {
  return allowed.licences.read.find(({ name }) => name === part)?.licence;
}

/** An allowance ends on its date: what was no danger then is looked at again. */
function isAllowed(id) {
  const entry = allowed.vulnerabilities.find((one) => one.id === id);
  return entry !== undefined && entry.reason !== '' && Date.now() < Date.parse(entry.until);
}

async function npmAudit(options) {
  return npmFindings(await jsonOf('npm', ['audit', '--json', ...options], root));
}

/** What `npm audit --json` knows against the packages, undefined when the registry gave no answer. */
export function npmFindings(report) {
  if (report?.vulnerabilities === undefined || report.error !== undefined) return undefined;
  return Object.values(report.vulnerabilities).flatMap(({ name, via }) =>
    via
      // A text there names another entry, which has the cause.
      .filter((cause) => typeof cause === 'object')
      .map(({ url, title, severity }) => ({
        id: url.slice(url.lastIndexOf('/') + 1),
        what: `${name}, ${severity}: ${title}`,
      })),
  );
}

/** Likewise of the crates; undefined when cargo-audit or its database cannot be had. */
async function cargoAudit() {
  const report = await jsonOf('cargo', ['audit', '--json'], join(root, 'native'));
  return report?.vulnerabilities?.list?.map(({ advisory, package: part }) => ({
    id: advisory.id,
    what: `${part.name} ${part.version}: ${advisory.title}`,
  }));
}

async function jsonOf(command, args, cwd) {
  const lines = [];
  await run(command, args, { cwd, quiet: true, onLine: (line) => lines.push(line) });
  const text = lines.join('\n');
  try {
    return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  } catch {
    return undefined;
  }
}
