import assert from 'node:assert/strict';
import { flowOf, type NodesBench, openerOfShared, RHEED } from '../helpers/nodes-bench.mts';

/** Samples of 12 bits in two bytes, least significant first. */
const words = (...samples: number[]): Buffer => {
  const bytes = Buffer.alloc(2 * samples.length);
  samples.forEach((sample, n) => {
    bytes.writeUInt16LE(sample, 2 * n);
  });
  return bytes;
};

describe('pixels through rheed-stream in Node-RED', function () {
  this.timeout(60_000);
  let bench: NodesBench;
  const openBench = openerOfShared();

  afterEach(() => bench?.rest());

  const send = (msg: Record<string, unknown>) => bench.red.send(RHEED, msg);

  async function stored(): Promise<number[]> {
    await send({ action: 'finalize' });
    const { data_id } = await bench.until('rheed:1', 'finalized');
    return [...(await bench.stored(data_id))];
  }

  it('a region of packed frames behind headers, and the clipped pixels and unused bits of its samples', async () => {
    const rheed = { width: '4', height: '2', headerBytes: '5', cropX: '1', cropWidth: '2', flip: 'both' };
    bench = await openBench({ rheed: { format: 'mono12', ...rheed } });
    const header = Buffer.from('frame');
    const one = words(0, 16, 32, 0, 0, 48, 64, 0);
    const other = words(0, 1600, 1601, 0, 0, 65_535, 4095, 4096);
    assert.equal((await send({ payload: Buffer.concat([header, one]) })).error, undefined);
    await send({ action: 'status' });
    const first = await bench.until('rheed:2', 'status');
    const facts = ({ payload }: typeof first) => payload as Record<string, unknown>;
    assert.deepEqual([facts(first).pixels_clipped, facts(first).unused_bits], [0, 5]);
    const packed = Buffer.from([0, 0, 1, 0x02, 0, 0, 0, 0, 3, 0x04, 0, 0]);
    assert.equal((await send({ payload: Buffer.concat([header, other]) })).error, undefined);
    const sent = await send({ payload: Buffer.concat([header, packed]), format: 'mono12packed' });
    assert.equal(sent.error, undefined);
    await send({ action: 'status' });
    const second = await bench.until('rheed:2', 'status', 2);
    assert.deepEqual([facts(second).pixels_clipped, facts(second).unused_bits], [2, 0]);
    assert.deepEqual(await stored(), [4, 3, 2, 1, 255, 255, 100, 100, 4, 3, 2, 1]);
  });

  it('a region out of the frame refuses the message, and another flip applies to the open stream at once', async () => {
    bench = await openBench();
    const redeploy = (rheed: Record<string, unknown>) =>
      bench.red.deploy(flowOf(bench.sandbox.url, { ...bench.options, rheed }), 'nodes');
    const payload = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal((await send({ payload })).error, undefined);
    await redeploy({ cropX: '3', cropWidth: '2' });
    const { error } = await send({ payload });
    assert.equal(error?.code, 'ERR_FRAME_SHAPE');
    assert.match(String(error?.message), /4×2 .*columns 3 to 4/);
    await redeploy({ cropX: '1', cropWidth: '' });
    assert.match(String((await send({ payload })).error?.message), /4×2.* got 3×2.*finalize/);
    await redeploy({ cropX: '', cropWidth: '', flip: 'horizontal' });
    assert.equal((await send({ payload })).error, undefined);
    assert.deepEqual(await stored(), [1, 2, 3, 4, 5, 6, 7, 8, 4, 3, 2, 1, 8, 7, 6, 5]);
  });
});
