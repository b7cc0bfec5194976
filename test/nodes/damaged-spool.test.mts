import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodesBench, RHEED, SERIES } from '../helpers/nodes-bench.mts';

/** Twenty frames of 4 × 2, a chunk. */
const CHUNK = Buffer.from(Array.from({ length: 160 }, (_, i) => i));
const ROWS = 8;

describe('a spool damaged while Node-RED was down', function () {
  this.timeout(60_000);
  let bench: NodesBench;

  afterEach(() => bench?.close());

  /** Spools two chunks of frames, and one and a half of readings, while the service is down; damages; starts again. */
  async function restartWith(damages: Readonly<Record<string, (bytes: Buffer) => Buffer>>): Promise<void> {
    bench = await NodesBench.open({ rheed: { chunkSize: '20' } });
    bench.sandbox.faults.set('down');
    for (let n = 0; n < 2; n += 1)
      assert.equal((await bench.red.send(RHEED, { payload: CHUNK })).error, undefined);
    for (let n = 0; n < ROWS; n += 1) {
      const sent = await bench.red.send(SERIES, {
        payload: n,
        topic: 'gauge',
        timestamp: 1_700_000_000_000 + n,
      });
      assert.equal(sent.error, undefined);
    }
    const account = join(bench.red.userDir, 'atomscale-spool', 'account');
    await bench.killAndRestart(async () => {
      for (const [name, damage] of Object.entries(damages)) {
        const [kind = '', file = ''] = name.split('/');
        const stream = (await readdir(account)).find((folder) => folder.startsWith(kind)) as string;
        const path = join(account, stream, file);
        // The kill may have come between the two renames by which a record is replaced.
        const bytes = await readFile(path).catch(() => readFile(`${path}.old`));
        await writeFile(path, damage(bytes));
      }
      bench.sandbox.faults.clear();
    });
  }

  const flip = (at: number) => (bytes: Buffer) => {
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
    return bytes;
  };

  /** What Catch saw of a node. */
  const told = (node: string): string[] =>
    bench
      .out('catch')
      .map(({ error }) => error as { message: string; source: { id: string } })
      .filter(({ source }) => source.id === node)
      .map(({ message }) => message);

  it('its record of the frames, and a line of readings: told once each; what holds arrives', async () => {
    await restartWith({ 'rheed/stream.json': flip(50), 'timeseries/000001.open': flip(200) });
    const { data_id } = await bench.until('rheed:1', 'finalized');
    assert.equal(bench.sandbox.stream(String(data_id))?.frames, 40);
    await bench.red.send(RHEED, { payload: CHUNK });
    const next = await bench.until('rheed:1', 'opened', bench.out('rheed:1', 'opened').length);
    assert.notEqual(next.data_id, null);
    await bench.red.send(SERIES, { action: 'finalize' });
    const series = await bench.until('series:1', 'finalized');
    const { gauge } = await bench.sandbox.readPoints(String(series.data_id));
    assert.deepEqual(gauge?.values.slice(0, 5), [0, 1, 2, 3, 4]);
    assert.ok((gauge?.values.length ?? 0) < ROWS, 'a damaged reading arrived');
    assert.deepEqual(
      [RHEED, SERIES].map((node) => told(node).length),
      [1, 1],
      [...told(RHEED), ...told(SERIES)].join('\n'),
    );
    assert.match(told(RHEED).join(), /stream\.json: damaged/);
    assert.match(told(SERIES).join(), /in quarantine/);
  });

  it('a chunk of frames, and the record of the readings: told once each; what holds arrives', async () => {
    await restartWith({
      'rheed/000000.shard': flip(100),
      'timeseries/stream.json': (bytes) => bytes.subarray(0, 0),
    });
    const series = await bench.until('series:1', 'finalized');
    const { gauge } = await bench.sandbox.readPoints(String(series.data_id));
    assert.deepEqual(gauge?.values, [0, 1, 2, 3, 4, 5, 6, 7]);
    await bench.red.send(RHEED, { action: 'finalize' });
    const { data_id, report } = (await bench.until('rheed:1', 'finalized')) as unknown as {
      data_id: string;
      report: { chunks_quarantined: number };
    };
    assert.equal(bench.sandbox.stream(data_id)?.frames, 20);
    assert.equal(report.chunks_quarantined, 1);
    assert.deepEqual(
      [RHEED, SERIES].map((node) => told(node).length),
      [1, 1],
      [...told(RHEED), ...told(SERIES)].join('\n'),
    );
  });
});
