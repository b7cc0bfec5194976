/** Bad messages to both nodes in a real Node-RED, with good streams beside them: what became of all. */
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import type { BadResult, BadTask } from './bad-messages-extension.mts';
import { type FlowNode, NodeRed } from './node-red.mts';
import { flowOf, RHEED, SERIES } from './nodes-bench.mts';

const TABLE = 'table';
const NODES = { rheed: RHEED, series: SERIES, table: TABLE };

export class BadMessages {
  readonly #sandbox: Sandbox;
  readonly #red: NodeRed;

  private constructor(sandbox: Sandbox, red: NodeRed) {
    this.#sandbox = sandbox;
    this.#red = red;
  }

  static async open(): Promise<BadMessages> {
    const sandbox = await startSandbox();
    try {
      const extension = new URL('bad-messages-extension.mts', import.meta.url).pathname;
      const credentials = { account: { apiKey: 'test-key' } };
      const flow = flowWithTable(sandbox.url);
      return new BadMessages(sandbox, await NodeRed.start({ editor: false, extension, flow, credentials }));
    } catch (error) {
      await sandbox.close();
      throw error;
    }
  }

  /** Sends the messages `from` ≤ number < `to` of a seed. */
  send(seed: number, from: number, to: number): Promise<BadResult> {
    const task: BadTask = { seed, from, to, nodes: NODES, every: 10 };
    return this.#red.extension(task) as Promise<BadResult>;
  }

  async memory(): Promise<number> {
    const { heapUsed, external } = (await this.#red.probe()).memory;
    return heapUsed + external;
  }

  /** Waits for Catch to have seen so many refused messages, and fails when it sees more. */
  async untilCaught(count: number): Promise<void> {
    // ERR_API: what the service refused while a stream opened, which is no message's end.
    const caught = () =>
      this.#red.messages.filter(({ port, code }) => port === 'catch' && code !== 'ERR_API').length;
    await this.#red.waitFor(() => caught() >= count, `${count} errors in Catch`);
    if (caught() > count) throw new Error(`expected ${count} errors in Catch, got ${caught()}`);
  }

  /** Ends the good streams and reads what the service has of them. */
  async stored(): Promise<{ frames: number[]; readings: number[]; complaints: string[] }> {
    for (const node of [RHEED, SERIES]) await this.#red.send(node, { action: 'finalize', stream: 'good' });
    const ended = (port: string) =>
      this.#red.messages.find(
        (msg) => msg.port === port && msg.stream === 'good' && msg.event === 'finalized',
      );
    await this.#red.waitFor(
      () => !!ended('rheed:1') && !!ended('series:1'),
      'the good streams to end',
      60_000,
    );
    const rheed = String(ended('rheed:1')?.data_id);
    const frames: number[] = [];
    for (const { index } of this.#sandbox.stream(rheed)?.chunks ?? []) {
      const pixels = Buffer.from(await this.#sandbox.readFrames(rheed, index));
      for (let at = 0; at < pixels.length; at += 8) frames.push(pixels.readUInt32LE(at));
    }
    const points = await this.#sandbox.readPoints(String(ended('series:1')?.data_id));
    return {
      frames,
      readings: (points.good?.values ?? []).map(Number),
      complaints: [...this.#sandbox.complaints],
    };
  }

  async close(): Promise<void> {
    try {
      await this.#red.dispose();
    } finally {
      await this.#sandbox.close();
    }
  }
}

/** The bench's flow, with a node that reads by a table, and reporters that pass on no hostile value. */
function flowWithTable(url: string): FlowNode[] {
  const flow = flowOf(url, { series: { pointsPerChunk: '100' } });
  const series = flow.find(({ id }) => id === SERIES) as FlowNode;
  const row = (source: string, channel: string) => ({ source, sourceType: 'msg', channel });
  const channels = [
    row('payload.t', 'T'),
    row('payload[2]', 'R'),
    { ...row('payload.t * 2', 'J'), sourceType: 'jsonata' },
  ];
  const table = { ...series, id: TABLE, channels };
  return [...flow, table].map((node) =>
    node.type === 'function'
      ? {
          ...node,
          func: `const { event, data_id, stream, error } = msg;
global.get('toTest')({ port: ${JSON.stringify(node.id)}, event, data_id, stream: typeof stream === 'string' ? stream.slice(0, 20) : '', code: error && error.code });
return null;`,
        }
      : node,
  );
}
