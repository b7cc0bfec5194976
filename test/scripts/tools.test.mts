import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNewEnough, waysToCargo } from '../../scripts/ensure-cargo.mjs';
import { installationFault } from '../../scripts/install.mjs';
import { demoFlow } from '../../scripts/start/demo.mts';
import { atBroker, buttons, placeFlow, readExample } from '../../scripts/start/flow.mts';
import { cargoCounts, check, sum, verdict, withExit } from '../../scripts/test/tally.mjs';

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'atomscale-tools-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('tally of npm test', () => {
  it('adds up the results of all test binaries of cargo', () => {
    const lines = [
      'running 12 tests',
      'test result: ok. 11 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s',
      'test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s',
    ];
    assert.deepEqual(cargoCounts(lines), { passed: 13, failed: 3, skipped: 1 });
    assert.deepEqual(cargoCounts([]), { passed: 0, failed: 0, skipped: 0 });
  });

  it('counts a step that broke without a failed test as a failure', () => {
    const none = { passed: 4, failed: 0, skipped: 0 };
    assert.equal(withExit(none, 101).failed, 1);
    assert.equal(withExit(none, 0).failed, 0);
    assert.equal(withExit({ ...none, failed: 2 }, 2).failed, 2);
  });

  it('ends in the agreed line', () => {
    assert.equal(
      verdict(sum([check(0), check(1), { passed: 5, failed: 0, skipped: 2 }])),
      '6 passed, 1 failed, 2 skipped',
    );
  });
});

describe('cargo', () => {
  it('is told new enough from too old', () => {
    assert.ok(isNewEnough('cargo 1.88.0 (873a06493 2025-05-10)'));
    assert.ok(isNewEnough('cargo 2.0.0'));
    assert.ok(!isNewEnough('cargo 1.63.0'));
    assert.ok(!isNewEnough('error: no default toolchain'));
    assert.ok(!isNewEnough(null));
  });

  it('is installed by a present rustup first, then by the system', () => {
    const ways = waysToCargo((program) => ['rustup', 'apt-get'].includes(program), { root: true });
    assert.deepEqual(ways[0]?.[0]?.slice(0, 4), ['rustup', 'toolchain', 'install', 'stable']);
    assert.deepEqual(ways[1]?.[0], ['apt-get', 'update']);
    assert.ok(ways[1]?.[1]?.includes('rustup') && ways[1]?.[2]?.[0] === 'rustup');
    assert.ok(ways[2]?.[1]?.includes('cargo'));
  });

  it('is left alone where a system package could not be installed', () => {
    assert.deepEqual(
      waysToCargo((program) => program === 'apt-get', { root: false }),
      [],
    );
    const [way] = waysToCargo((program) => ['dnf', 'sudo'].includes(program), { root: false });
    assert.deepEqual(way?.[0]?.slice(0, 3), ['sudo', '-n', 'dnf']);
  });
});

describe('installation', () => {
  const lock = (packages: Record<string, unknown>) => JSON.stringify({ lockfileVersion: 3, packages });
  const wanted = {
    '': { name: 'x' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', optional: true },
  };

  it('is complete without what is optional', () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, 'node_modules'));
      await writeFile(join(folder, 'package-lock.json'), lock(wanted));
      await writeFile(
        join(folder, 'node_modules', '.package-lock.json'),
        lock({ 'node_modules/a': { version: '1.0.0' } }),
      );
      assert.equal(await installationFault(folder), null);
    }));

  it('is told by what is missing or old', () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'package-lock.json'), lock(wanted));
      assert.equal(await installationFault(folder), 'node_modules is not there');
      await mkdir(join(folder, 'node_modules'));
      const hidden = join(folder, 'node_modules', '.package-lock.json');
      await writeFile(hidden, lock({}));
      assert.equal(await installationFault(folder), 'a 1.0.0 is missing');
      await writeFile(hidden, lock({ 'node_modules/a': { version: '0.9.0' } }));
      assert.equal(await installationFault(folder), 'a 1.0.0 is 0.9.0 here');
    }));
});

describe('the flow of npm start', () => {
  it('has one button to start and one to stop, and follows the broker’s port', async () => {
    const flow = await readExample(demoFlow);
    assert.equal(buttons(flow, 'start').length, 1);
    assert.equal(buttons(flow, 'finalize').length, 1);
    const moved = atBroker(flow, 2883).filter((node) => node.type === 'mqtt-broker');
    assert.deepEqual(
      moved.map((node) => node.port),
      ['2883'],
    );
  });

  it('is placed anew as long as nobody has changed it', () =>
    inFolder(async (folder) => {
      const flows = join(folder, 'flows.json');
      const node = (id: string) => [{ id, type: 'tab' }];
      assert.equal(await placeFlow(folder, node('1')), true);
      assert.equal(await placeFlow(folder, node('2')), true);
      assert.deepEqual(JSON.parse(await readFile(flows, 'utf8')), node('2'));
      await writeFile(flows, JSON.stringify(node('mine')));
      assert.equal(await placeFlow(folder, node('3')), false);
      assert.deepEqual(JSON.parse(await readFile(flows, 'utf8')), node('mine'));
    }));
});
