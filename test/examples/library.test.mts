import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startSandbox } from '../../sandbox/server.mts';

const script = fileURLToPath(new URL('../../examples/library.mjs', import.meta.url));

describe('examples: library', () => {
  it('library.mjs streams frames and readings from plain Node.js', async () => {
    const sandbox = await startSandbox({ apiKey: 'examples' });
    const folder = await mkdtemp(path.join(tmpdir(), 'examples-library-'));
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [script], {
        env: {
          ...process.env,
          AS_API_KEY: 'examples',
          AS_API_ENDPOINT: sandbox.url,
          AS_SPOOL_DIR: folder,
          NO_PROXY: '127.0.0.1',
        },
      });
      const said = JSON.parse(stdout);
      assert.deepEqual(
        said.reports.map(({ frames, points, lost }: Record<string, unknown>) => [frames ?? points, lost]),
        [
          [180, []],
          // Of two channels.
          [6, []],
        ],
      );
      assert.deepEqual(
        sandbox
          .streams()
          .map(({ kind, data_id, sample }) => [kind, data_id, sample?.name])
          .sort(),
        [
          ['rheed', said.rheed, 'GaN-001'],
          ['timeseries', said.furnace, 'GaN-001'],
        ],
      );
      // The spot of the 101st frame, at its middle and beside it.
      const pixels = await sandbox.readFrames(said.rheed, 1);
      const middle = ((100 - 60) * 240 + 120) * 320 + 160;
      assert.equal(pixels[middle], Math.trunc(120 + 100 * Math.cos(100 / 12)));
      assert.equal(pixels[middle + 8], 0);
      const points = await sandbox.readPoints(said.furnace);
      assert.deepEqual(points.temperature?.values, [649.8, 650.1, 650.0]);
      assert.deepEqual(points.pressure?.values, [2.5e-8, 2.6e-8, 2.6e-8]);
      assert.deepEqual(sandbox.complaints, []);
      assert.equal(stderr, '');
    } finally {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
