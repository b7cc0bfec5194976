import assert from 'node:assert/strict';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { type FlowNode, NodeRed } from '../helpers/node-red.mts';
import { flowOf, RHEED, SERIES } from '../helpers/nodes-bench.mts';

const ERROR = 20;
const isCatcher = ({ id }: FlowNode) => id === 'catcher';

describe('refused messages', function () {
  this.timeout(60_000);
  let sandbox: Sandbox;
  let red: NodeRed;

  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox.close());
  afterEach(() => red.dispose());

  const start = async (flow: FlowNode[]) => {
    red = await NodeRed.start({ editor: false, flow, credentials: { account: { apiKey: 'test-key' } } });
  };
  const errors = () =>
    red.logs.filter(({ level }) => level === ERROR).map(({ text }) => text.split('\n', 1)[0]);
  /** Refusals that the log tells of, one by one or by their number. */
  const told = () =>
    errors()
      .filter((text) => /multiple of 8 bytes/.test(text ?? ''))
      .map((text) => Number(/the last of (\d+) of this kind within 10 s/.exec(text ?? '')?.[1] ?? 1))
      .reduce((sum, count) => sum + count, 0);
  const caught = () => red.messages.filter(({ port }) => port === 'catch').length;
  const refuse = async (count: number) => {
    for (let sent = 0; sent < count; sent += 1) {
      const { error } = await red.send(RHEED, { payload: Buffer.alloc(9) });
      assert.equal(error?.code, 'ERR_FRAME_SHAPE');
    }
  };

  it('make no log line each without a Catch node: the first, then how many', async () => {
    const flow = flowOf(sandbox.url, {}).filter((node) => !isCatcher(node));
    await start(flow);
    await refuse(50);
    assert.equal((await red.send(RHEED, { action: 'stop' })).error?.code, 'ERR_ACTION');
    await red.waitFor(
      () => errors().some((text) => /msg\.action/.test(text ?? '')),
      'the other kind at once',
    );
    assert.match(errors()[0] ?? '', /multiple of 8 bytes/);
    await red.waitFor(
      () => red.status(RHEED)?.text?.includes('51 refused') === true,
      'the dot to count them',
    );

    // A deploy ends the node: what is untold comes out.
    await red.deploy(
      flow.filter(({ id }) => id !== RHEED),
      'full',
    );
    await red.waitFor(() => told() === 50, 'the number of the others');
    assert.ok(errors().length < 10, 'a few lines');
  });

  it('reach a Catch node each, and then no log', async () => {
    await start(flowOf(sandbox.url, {}));
    await refuse(50);
    await red.waitFor(() => caught() === 50, 'Catch');
    assert.deepEqual(errors(), []);
  });

  it('reach a Catch node that came with a later deploy, which left the node as it was', async () => {
    const flow = flowOf(sandbox.url, {});
    await start(flow.filter((node) => !isCatcher(node)));
    await refuse(3);
    await red.deploy(flow, 'nodes');
    await refuse(3);
    await red.waitFor(() => caught() === 3, 'Catch');
    assert.ok(told() >= 1 && told() <= 3, `the log tells of ${told()}`);
  });

  it('are logged when the only Catch nodes are disabled, of another tab or for other nodes', async () => {
    const catcher = { id: 'c', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['catch']] };
    await start([
      ...flowOf(sandbox.url, {}).filter((node) => !isCatcher(node)),
      { id: 'other', type: 'tab', label: 'Other' },
      { ...catcher, id: 'c1', z: 'other' },
      { ...catcher, id: 'c2', scope: [SERIES] },
      { ...catcher, id: 'c3', d: true },
    ]);
    await refuse(20);
    await red.waitFor(() => errors().length > 0, 'a log line');
    assert.ok(errors().length < 5, 'a few lines');
    assert.equal(caught(), 0);
  });

  it('that cannot be cloned reach Catch by their error alone, and leave the process alive', async () => {
    await start(flowOf(sandbox.url, {}));
    // Node-RED's own call of msg.hasOwnProperty fails on this one.
    const { error } = await red.send(RHEED, { payload: Buffer.alloc(9), hasOwnProperty: 1 });
    assert.equal(error?.code, 'ERR_FRAME_SHAPE');
    await red.waitFor(() => caught() === 1, 'Catch');
    const [msg] = red.messages.filter(({ port }) => port === 'catch');
    assert.equal((msg?.error as { code?: string } | undefined)?.code, 'ERR_FRAME_SHAPE');
    assert.equal((await red.send(RHEED, { payload: Buffer.alloc(8), hasOwnProperty: 1 })).error, undefined);
  });
});
