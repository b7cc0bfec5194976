import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FlowNode } from '../helpers/node-red.mts';
import { flowOf, NodesBench, RHEED, SERIES } from '../helpers/nodes-bench.mts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FRAMES = Buffer.alloc(16, 3);

/** A copy of the package as it is installed where no native library fits. */
async function packageWithoutNative(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'atomscale-package-'));
  await cp(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
  for (const room of ['nodes', 'uploader']) {
    await cp(path.join(ROOT, 'dist', room), path.join(folder, 'dist', room), { recursive: true });
  }
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  return folder;
}

describe('life of the nodes', function () {
  this.timeout(60_000);
  let bench: NodesBench;

  afterEach(() => bench?.close());

  /** The bench's flow with other settings of one node. */
  function flowWith(id: string, settings: object): FlowNode[] {
    return flowOf(bench.sandbox.url, bench.options).map((node) =>
      node.id === id ? { ...node, ...settings } : node,
    );
  }

  for (const version of [5, 4] as const) {
    it(`without the native library they register, show red and say why (Node-RED ${version})`, async () => {
      const packageRoot = await packageWithoutNative();
      bench = await NodesBench.open({ nodeRed: { version, packageRoot } });
      for (const node of [RHEED, SERIES]) {
        await bench.red.waitFor(() => bench.red.status(node)?.fill === 'red', `${node} to show red`);
        assert.match(bench.red.status(node)?.text ?? '', /native/);
      }
      const said = bench.red.logs.filter(({ text }) => text.includes('no native core'));
      assert.equal(said.length, 2, 'once a node');
      for (const msg of [{ payload: FRAMES }, { action: 'start' }, { action: 'finalize' }]) {
        assert.equal((await bench.red.send(RHEED, msg)).error?.code, 'ERR_NATIVE');
      }
      await rm(packageRoot, { recursive: true });
    });
  }

  it('say that an account is missing', async () => {
    bench = await NodesBench.open({ rheed: { account: '' } });
    await bench.red.waitFor(() => bench.red.status(RHEED)?.fill === 'red', 'a red ring');
    assert.equal((await bench.red.send(RHEED, { payload: FRAMES })).error?.code, 'ERR_SETTINGS');
  });

  it('end a stream when what the service was told is edited, and open another', async () => {
    bench = await NodesBench.open();
    await bench.red.send(RHEED, { payload: FRAMES });
    const first = await bench.until('rheed:1', 'opened');
    await bench.red.deploy(flowWith(RHEED, { fps: '12' }), 'nodes');
    assert.equal((await bench.red.send(RHEED, { payload: FRAMES })).error, undefined);
    const second = await bench.until('rheed:1', 'opened', 2);
    assert.notEqual(second.data_id, first.data_id);
    const finalized = await bench.until('rheed:1', 'finalized');
    assert.equal(finalized.data_id, first.data_id);
    assert.equal(bench.sandbox.stream(String(second.data_id))?.fps, 12);
  });

  it('take over local settings without ending the stream', async () => {
    bench = await NodesBench.open();
    await bench.red.send(RHEED, { payload: FRAMES });
    const { data_id } = await bench.until('rheed:1', 'opened');
    await bench.red.deploy(
      flowWith(RHEED, { format: 'mono16', significantBits: '16', compression: 'small' }),
      'nodes',
    );
    const wide = Buffer.from(Uint16Array.from({ length: 8 }, (_, index) => index * 8192).buffer);
    assert.equal((await bench.red.send(RHEED, { payload: wide })).error, undefined);
    await bench.red.send(RHEED, { action: 'finalize' });
    const finalized = await bench.until('rheed:1', 'finalized');
    assert.equal(finalized.data_id, data_id);
    const stored = Buffer.from(await bench.sandbox.readFrames(String(data_id), 0));
    assert.deepEqual([...stored.subarray(16)], [0, 32, 64, 96, 128, 160, 192, 224]);
  });

  it('tell of a finalize that the service acknowledged only after a restart', async () => {
    bench = await NodesBench.open();
    await bench.red.send(RHEED, { payload: FRAMES, topic: 'cam' });
    const { data_id } = await bench.until('rheed:1', 'opened');
    bench.sandbox.faults.set('down');
    assert.equal((await bench.red.send(RHEED, { action: 'finalize' })).error, undefined);
    await bench.killAndRestart();
    bench.sandbox.faults.clear();
    const finalized = await bench.until('rheed:1', 'finalized');
    assert.deepEqual([finalized.data_id, finalized.topic], [data_id, 'cam']);
    assert.equal((finalized.report as { frames: number }).frames, 2);
  });
});
