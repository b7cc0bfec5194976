import assert from 'node:assert/strict';
import { type NodesBench, openerOfShared, RHEED } from '../helpers/nodes-bench.mts';

const FRAME = 8;

/** A frame of 4x2 that no other has. */
function frame(number: number): Buffer {
  return Buffer.from(Array.from({ length: FRAME }, (_, index) => (number * 31 + index * 7) % 256));
}

function frames(first: number, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => frame(first + index)));
}

describe('rheed-stream in Node-RED', function () {
  this.timeout(60_000);
  let bench: NodesBench;
  const openBench = openerOfShared();
  const send = (msg: Record<string, unknown>) => bench.red.send(RHEED, msg);

  async function open(options: Parameters<typeof openBench>[0] = {}): Promise<void> {
    bench = await openBench(options);
  }

  const stored = (dataId: unknown) => bench.stored(dataId);

  afterEach(() => bench?.rest());

  for (const version of [5, 4] as const) {
    it(`carries frames from the first one to the report (Node-RED ${version})`, async () => {
      await open({ nodeRed: { version } });
      const opener = { payload: frame(0), topic: 'camera/1', recipe: { layer: 3 } };
      const all = await Promise.all([
        send(opener),
        send({ payload: frames(1, 18) }),
        send({ payload: [frame(19), frame(20)] }),
        send({ payload: [[...frame(21).subarray(0, 4)], [...frame(21).subarray(4)]] }),
      ]);
      assert.deepEqual(
        all.map(({ error }) => error),
        [undefined, undefined, undefined, undefined],
      );
      const started = await bench.until('rheed:1', 'started');
      assert.equal(started.topic, 'camera/1');
      assert.deepEqual(started.recipe, { layer: 3 });
      assert.equal(started.stream, '');
      const opened = await bench.until('rheed:1', 'opened');
      assert.equal(opened.payload, opened.data_id);
      assert.deepEqual(
        Object.keys(opened).filter((name) => ['req', 'res'].includes(name)),
        [],
      );

      await send({ action: 'finalize' });
      const finalized = await bench.until('rheed:1', 'finalized');
      assert.equal(finalized.data_id, opened.data_id);
      assert.deepEqual(finalized.report, {
        chunks_spooled: 2,
        chunks_uploaded: 2,
        chunks_quarantined: 0,
        chunks_dropped: 0,
        frames: 22,
        bytes: (finalized.report as { bytes: number }).bytes,
        lost: [],
      });
      assert.deepEqual(await stored(opened.data_id), frames(0, 22));
      assert.deepEqual(bench.codes(), []);
      assert.deepEqual(bench.sandbox.complaints, []);
      await bench.red.waitFor(
        () => bench.red.status(RHEED)?.text?.startsWith('closed') === true,
        'the dot to close',
      );
      assert.equal(bench.red.status(RHEED)?.fill, 'grey');
    });
  }

  it('keeps the order of frames that come faster than the spool opens', async () => {
    await open();
    const ids = Array.from({ length: 100 }, (_, number) => bench.red.post(RHEED, { payload: frame(number) }));
    const last = ids.at(-1) as number;
    await bench.red.waitFor(() => bench.red.completion(last) !== undefined, 'the last frame');
    await send({ action: 'finalize' });
    const { data_id } = await bench.until('rheed:1', 'finalized');
    assert.deepEqual(await stored(data_id), frames(0, 100));
    const endings = bench.red.completions.filter(({ id }) => ids.includes(id));
    assert.equal(endings.length, 100);
    assert.equal(bench.sandbox.streams().length, 1);
  });

  it('obeys start, status, flush and finalize', async () => {
    await open({ rheed: { autoStart: false } });
    assert.equal((await send({ payload: frame(0) })).error?.code, 'ERR_NOT_STARTED');
    for (const action of ['finalize', 'status', 'flush'])
      assert.equal((await send({ action })).error, undefined);
    await bench.until('rheed:2', 'status', 3);

    await send({ action: 'start', settings: { fps: 5, streamName: 'run 7' }, topic: 't' });
    const started = await bench.until('rheed:1', 'started');
    assert.deepEqual(
      [started.event, started.topic, (started.settings as { fps: number }).fps],
      ['started', 't', 5],
    );
    const opened = await bench.until('rheed:1', 'opened');
    assert.equal(bench.sandbox.stream(String(opened.data_id))?.name, 'run 7');

    await send({ action: 'start' });
    await bench.until('rheed:1', 'started', 2);
    await send({ action: 'start', settings: { fps: 5 } });
    await bench.until('rheed:1', 'started', 3);
    const differing = await send({ action: 'start', settings: { fps: 6 } });
    assert.equal(differing.error?.code, 'ERR_SETTINGS');
    assert.match(differing.error?.message ?? '', /fps/);

    await send({ payload: frames(0, 3) });
    await send({ action: 'flush' });
    const chunk = await bench.until('rheed:2', 'chunk');
    assert.equal((chunk.payload as { chunk_index: number }).chunk_index, 0);
    await send({ action: 'status' });
    const status = (await bench.until('rheed:2', 'status', 4)).payload as Record<string, unknown>;
    assert.equal(status.frames, 3);
    assert.equal(status.data_id, opened.data_id);
    await Promise.all([send({ action: 'finalize' }), send({ action: 'finalize' })]);
    await bench.until('rheed:1', 'finalized');
    assert.deepEqual(await stored(opened.data_id), frames(0, 3));
  });

  it('opens another stream after a finalize, at once', async () => {
    await open();
    const endings = [
      bench.red.post(RHEED, { payload: frames(0, 3) }),
      bench.red.post(RHEED, { action: 'finalize' }),
      bench.red.post(RHEED, { payload: frames(3, 4) }),
      bench.red.post(RHEED, { action: 'finalize' }),
    ];
    await bench.until('rheed:1', 'finalized', 2);
    assert.deepEqual(
      endings.map((id) => bench.red.completion(id)?.error),
      [undefined, undefined, undefined, undefined],
    );
    const reports = bench
      .out('rheed:1', 'finalized')
      .map(({ report }) => (report as { frames: number }).frames);
    assert.deepEqual(reports.sort(), [3, 4]);
  });

  it('carries several streams, told apart by msg.stream', async () => {
    await open();
    for (const number of [0, 1, 2, 3]) {
      for (const stream of ['a', 'b']) {
        await send({ stream, payload: frame(number + (stream === 'a' ? 0 : 100)), topic: stream });
      }
    }
    await send({ action: 'finalize', stream: 'a' });
    const a = await bench.until('rheed:1', 'finalized');
    assert.deepEqual([a.stream, a.topic], ['a', 'a']);
    assert.deepEqual(await stored(a.data_id), frames(0, 4));
    await send({ action: 'finalize', stream: 'b' });
    const b = await bench.until('rheed:1', 'finalized', 2);
    assert.deepEqual(await stored(b.data_id), frames(100, 4));
  });

  it('takes frames while the service is down, and says so', async () => {
    await open();
    bench.sandbox.faults.set('down');
    assert.equal((await send({ payload: frames(0, 25) })).error, undefined);
    await bench.until('rheed:1', 'started');
    await bench.until('rheed:2', 'waiting');
    await bench.red.waitFor(() => bench.red.status(RHEED)?.fill === 'yellow', 'a yellow dot');
    assert.equal(bench.out('rheed:1', 'opened').length, 0);
    bench.sandbox.faults.clear();
    const { data_id } = await bench.until('rheed:1', 'opened');
    assert.ok(data_id);
    await send({ action: 'finalize' });
    await bench.until('rheed:1', 'finalized');
    assert.deepEqual(await stored(data_id), frames(0, 25));
  });

  it('pauses for the key and shows it', async () => {
    await open({ sandbox: { apiKey: 'right' }, apiKey: 'wrong' });
    assert.equal((await send({ payload: frames(0, 5) })).error, undefined);
    await bench.red.waitFor(() => bench.red.status(RHEED)?.fill === 'red', 'a red dot');
    assert.equal(bench.red.status(RHEED)?.shape, 'ring');
    assert.deepEqual(bench.codes(), []);
  });

  it('reports an unknown project once, with the properties of the opener', async () => {
    await open({ rheed: { physicalSample: '99999999-9999-4999-8999-999999999999' } });
    assert.equal((await send({ payload: frames(0, 5), topic: 'cam', run: 9 })).error, undefined);
    const failed = await bench.until('rheed:1', 'failed');
    assert.equal(failed.run, 9);
    await bench.red.waitFor(() => bench.out('catch').length > 0, 'Catch');
    const [caught] = bench.out('catch');
    assert.equal(caught?.run, 9);
    assert.equal(bench.out('catch').length, 1);
    assert.equal((await send({ payload: frames(5, 5) })).error, undefined);
  });

  it('goes on under the same data_id after a redeploy', async () => {
    await open();
    await send({ payload: frames(0, 5), topic: 'cam' });
    const { data_id } = await bench.until('rheed:1', 'opened');
    const { deploy, flow } = await redeployer();
    await deploy(flow);
    await send({ payload: frames(5, 5) });
    await send({ action: 'finalize' });
    const finalized = await bench.until('rheed:1', 'finalized');
    assert.equal(finalized.data_id, data_id);
    assert.equal(finalized.topic, 'cam');
    assert.deepEqual(await stored(data_id), frames(0, 10));

    async function redeployer() {
      const { flowOf } = await import('../helpers/nodes-bench.mts');
      const flow = flowOf(bench.sandbox.url, bench.options);
      return { flow, deploy: (nodes: typeof flow) => bench.red.deploy(nodes, 'full') };
    }
  });

  it('loses nothing that done() confirmed when Node-RED is killed', async () => {
    await open();
    await send({ payload: frames(0, 5), topic: 'cam', run: 1 });
    const { data_id } = await bench.until('rheed:1', 'opened');
    for (let number = 5; number < 33; number += 1)
      assert.equal((await send({ payload: frame(number) })).error, undefined);
    await bench.killAndRestart();
    await send({ payload: frames(33, 5) });
    await send({ action: 'finalize' });
    const finalized = await bench.until('rheed:1', 'finalized');
    assert.equal(finalized.data_id, data_id);
    assert.deepEqual([finalized.topic, finalized.run], ['cam', undefined]);
    assert.deepEqual(await stored(data_id), frames(0, 38));
  });

  it('answers every message exactly once while it closes', async () => {
    await open();
    await send({ payload: frame(0) });
    const ids: number[] = [];
    for (let number = 1; number <= 60; number += 1)
      ids.push(bench.red.post(RHEED, { payload: frame(number) }));
    const { flowOf } = await import('../helpers/nodes-bench.mts');
    const deployed = bench.red.deploy(flowOf(bench.sandbox.url, bench.options), 'full');
    for (let number = 61; number <= 120; number += 1)
      ids.push(bench.red.post(RHEED, { payload: frame(number) }));
    await deployed;
    const ended = (id: number) => bench.red.completions.filter((completion) => completion.id === id);
    await bench.red.waitFor(() => ids.every((id) => ended(id).length > 0), 'every message to end');
    await send({ payload: frame(200) });
    for (const id of ids) assert.equal(ended(id).length, 1);
    const codes = new Set(ids.map((id) => ended(id)[0]?.error?.code));
    // ERR_TEST: the node was not there when the test looked for it.
    for (const code of codes) assert.ok([undefined, 'ERR_SPOOL', 'ERR_TEST'].includes(code), String(code));
    const confirmed = ids.filter((id) => ended(id)[0]?.error === undefined).length;
    await send({ action: 'finalize' });
    const { report } = await bench.until('rheed:1', 'finalized');
    assert.equal((report as { frames: number }).frames, confirmed + 2);
  });
});
