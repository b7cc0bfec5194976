import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
// npm's own semver, which decides at an installation.
const { satisfies } = createRequire(require.resolve('node-red/package.json'))('semver');

/** What the scorecard of the flow library looks at, without its network. */
describe('package for the palette', () => {
  it('says who, what and under which licence', () => {
    assert.match(manifest.name, /^@[\w-]+\/node-red-[\w-]+$/);
    assert.equal(manifest.license, 'Apache-2.0');
    assert.ok(existsSync(path.join(ROOT, 'LICENSE')), 'LICENSE');
    assert.match(manifest.repository.url, /^git\+https:/);
    assert.ok(manifest.keywords.includes('node-red'));
    assert.ok(manifest.description.length > 20);
  });

  it('admits the Node-RED and Node versions it is made for', () => {
    for (const name of ['node-red', 'node-red-4']) {
      const { version } = require(`${name}/package.json`);
      assert.ok(satisfies(version, manifest['node-red'].version), `Node-RED ${version}`);
    }
    assert.ok(satisfies('22.9.0', manifest.engines.node));
  });

  it('brings few dependencies and runs nothing at installation', () => {
    assert.ok(Object.keys(manifest.dependencies).length <= 6);
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
      assert.equal(manifest.scripts?.[script], undefined, script);
    }
  });

  it('names files that are there', () => {
    const nodes: Record<string, string> = manifest['node-red'].nodes;
    assert.deepEqual(Object.keys(nodes).sort(), ['atomscale-account', 'rheed-stream', 'timeseries-stream']);
    for (const file of Object.values(nodes)) {
      assert.ok(existsSync(path.join(ROOT, file)), file);
      assert.ok(existsSync(path.join(ROOT, file.replace(/\.js$/, '.html'))), `${file}: its form`);
    }
  });

  it('loads nothing of others, and no uploader, before an account is in use', () => {
    const files = Object.values(manifest['node-red'].nodes as Record<string, string>);
    const script = `for (const file of ${JSON.stringify(files)}) require('./' + file); console.log(JSON.stringify(Object.keys(require.cache)))`;
    const output = execFileSync(process.execPath, ['--eval', script], { cwd: ROOT, encoding: 'utf8' });
    const loaded: string[] = JSON.parse(output);
    assert.ok(loaded.length >= files.length);
    assert.deepEqual(
      loaded.filter((file) => /node_modules|\.node$|uploader[\\/]uploader\.js$/.test(file)),
      [],
    );
  });

  it('has an example for each node', () => {
    const folder = path.join(ROOT, 'examples');
    const used = readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .flatMap((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as { type: string }[])
      .map(({ type }) => type);
    for (const type of Object.keys(manifest['node-red'].nodes)) assert.ok(used.includes(type), type);
  });
});
