import assert from 'node:assert/strict';
import { type NodesBench, openerOfShared, RHEED, SERIES } from '../helpers/nodes-bench.mts';

const CHUNK = Buffer.alloc(20 * 8, 5);

interface Listed {
  readonly event: string;
  readonly quarantine: { chunk_index: number; reason: string; status?: number }[];
}

describe('the quarantine of a node', function () {
  this.timeout(60_000);
  let bench: NodesBench;
  const openBench = openerOfShared();

  afterEach(() => bench?.rest());

  /** Opens a stream whose first chunk the service refuses. */
  async function withRefusedChunk(): Promise<void> {
    bench = await openBench();
    await bench.red.send(RHEED, { action: 'start' });
    await bench.until('rheed:1', 'opened');
    bench.sandbox.faults.set('403', { count: 1, match: 'upload_urls' });
    await bench.red.send(RHEED, { payload: CHUNK });
    await bench.until('rheed:2', 'quarantined');
  }

  /** What the status message after an action lists. */
  async function act(action: string, more: object = {}): Promise<Listed> {
    const before = bench.out('rheed:2', 'status').length;
    const { error } = await bench.red.send(RHEED, { action, ...more });
    assert.equal(error, undefined);
    return (await bench.until('rheed:2', 'status', before + 1)).payload as Listed;
  }

  it('is listed, shown on the dot, and sent again', async () => {
    await withRefusedChunk();
    const { quarantine } = await act('quarantine');
    assert.deepEqual(
      quarantine.map(({ chunk_index, status }) => [chunk_index, status]),
      [[0, 403]],
    );
    assert.match(quarantine[0]?.reason ?? '', /403/);
    await bench.red.waitFor(() => /1 in quarantine/.test(bench.red.status(RHEED)?.text ?? ''), 'the dot');
    assert.deepEqual((await act('retry', { chunks: [0] })).quarantine, []);
    await bench.red.send(RHEED, { action: 'finalize' });
    const { report } = await bench.until('rheed:1', 'finalized');
    assert.equal((report as { chunks_uploaded: number }).chunks_uploaded, 1);
    assert.deepEqual(bench.sandbox.complaints, []);
  });

  it('of a finished stream goes on as its continuation, at the same node', async () => {
    await withRefusedChunk();
    await bench.red.send(RHEED, { action: 'finalize' });
    const { data_id } = await bench.until('rheed:1', 'finalized');
    await bench.killAndRestart();
    assert.deepEqual((await act('retry')).quarantine, []);
    const continued = await bench.until('rheed:1', 'continued');
    assert.equal(continued.previous_data_id, data_id);
    const finalized = await bench.until('rheed:1', 'finalized');
    assert.equal(finalized.data_id, continued.data_id);
    assert.deepEqual(Buffer.from(await bench.sandbox.readFrames(String(finalized.data_id), 0)), CHUNK);
  });

  it('is discarded when a person says so', async () => {
    await withRefusedChunk();
    assert.equal((await act('discard', { chunks: [3] })).quarantine.length, 1);
    assert.deepEqual((await act('discard')).quarantine, []);
    await bench.red.send(RHEED, { action: 'finalize' });
    const { report } = await bench.until('rheed:1', 'finalized');
    const { chunks_dropped, lost } = report as { chunks_dropped: number; lost: [number, string][] };
    assert.deepEqual([chunks_dropped, lost.length], [1, 1]);
  });

  it('is empty where there was no stream, and asks for chunk indexes', async () => {
    bench = await openBench();
    for (const action of ['quarantine', 'retry', 'discard'])
      assert.equal((await bench.red.send(SERIES, { action })).error, undefined);
    for (const chunks of [[-1], 'all', [1.5], {}])
      assert.equal((await bench.red.send(SERIES, { action: 'retry', chunks })).error?.code, 'ERR_VALUE');
  });
});
