/** The nodes in the test helper that authors of Node-RED packages use: loaded by require, in the test's own process. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeInitializer } from 'node-red';
import { startSandbox } from '../../sandbox/server.mts';

const require = createRequire(import.meta.url);
const helper = require('node-red-node-test-helper');
const load = (type: string): NodeInitializer => require(`../../dist/nodes/${type}/${type}.js`);

describe('the nodes in node-red-node-test-helper', function () {
  this.timeout(60_000);

  it('stream readings and close', async () => {
    const sandbox = await startSandbox();
    const spoolDir = await mkdtemp(join(tmpdir(), 'atomscale-helper-'));
    helper.init(require.resolve('node-red'));
    try {
      await new Promise<void>((resolve) => helper.startServer(resolve));
      const flow = [
        { id: 'account', type: 'atomscale-account', endpoint: sandbox.url, spoolDir, spoolMinFreeBytes: 0 },
        {
          id: 'series',
          type: 'timeseries-stream',
          account: 'account',
          autoStart: true,
          wires: [['out'], []],
        },
        { id: 'out', type: 'helper' },
      ];
      await helper.load(['atomscale-account', 'timeseries-stream'].map(load), flow, {
        account: { apiKey: 'k' },
      });
      const finalized = new Promise<{ report: { points: number } }>((resolve) => {
        helper.getNode('out').on('input', (msg: { event: string; report: { points: number } }) => {
          if (msg.event === 'finalized') resolve(msg);
        });
      });
      const series = helper.getNode('series');
      series.receive({ payload: { temperature: 25, pressure: 1e-9 } });
      series.receive({ action: 'finalize' });
      assert.equal((await finalized).report.points, 2);
      assert.deepEqual(sandbox.complaints, []);
    } finally {
      await helper.unload();
      await new Promise<void>((resolve) => helper.stopServer(resolve));
      await sandbox.close();
      await rm(spoolDir, { recursive: true, force: true });
    }
  });
});
