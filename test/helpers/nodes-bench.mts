/** Both stream nodes in a real Node-RED, wired to a sandbox; what they send and what Catch sees comes to the test. */
import type { RawSettings } from '../../dist/uploader/types.js';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/server.mts';
import { type FlowNode, NodeRed, type NodeRedOptions } from './node-red.mts';

export interface BenchOptions {
  readonly sandbox?: SandboxOptions;
  readonly nodeRed?: Omit<NodeRedOptions, 'flow' | 'credentials'>;
  /** Editor settings of the nodes. */
  readonly account?: RawSettings;
  readonly rheed?: RawSettings;
  readonly series?: RawSettings;
  /** Nodes of others, as those that readings or frames come from. */
  readonly others?: readonly FlowNode[];
  readonly apiKey?: string;
}

/** A message out, as the test sees it. */
export interface Out {
  /** `rheed:1`, `rheed:2`, `series:1`, `series:2`, `catch`, or what a further node says. */
  readonly port: string;
  readonly [property: string]: unknown;
}

/** Ids of the nodes under test. */
export const RHEED = 'rheed';
export const SERIES = 'series';

/** The flow: account, both nodes, a reporter at each output, a Catch node. */
export function flowOf(endpoint: string, { account, rheed, series, others = [] }: BenchOptions): FlowNode[] {
  const reporter = (port: string): FlowNode => ({
    id: port,
    type: 'function',
    z: 'tab',
    func: `global.get('toTest')({ ...msg, port: ${JSON.stringify(port)} }); return null;`,
    outputs: 1,
    wires: [[]],
  });
  const stream = (id: string, type: string, settings: RawSettings | undefined): FlowNode => ({
    id,
    type,
    z: 'tab',
    account: 'account',
    autoStart: true,
    ...settings,
    wires: [[`${id}:1`], [`${id}:2`]],
  });
  return [
    { id: 'tab', type: 'tab', label: 'Growth' },
    {
      id: 'account',
      type: 'atomscale-account',
      endpoint,
      clockSync: false,
      spoolMinFreeBytes: 0,
      ...account,
    },
    stream(RHEED, 'rheed-stream', { fps: '10', width: '4', height: '2', ...rheed }),
    stream(SERIES, 'timeseries-stream', { pointsPerChunk: '5', flushInterval: '0', channels: [], ...series }),
    ...['rheed:1', 'rheed:2', 'series:1', 'series:2', 'catch'].map(reporter),
    ...others,
    { id: 'catcher', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['catch']] },
  ];
}

export class NodesBench {
  options: BenchOptions;
  sandbox: Sandbox;
  red: NodeRed;
  #renewals = 0;

  private constructor(options: BenchOptions, sandbox: Sandbox, red: NodeRed) {
    this.options = options;
    this.sandbox = sandbox;
    this.red = red;
  }

  static async open(options: BenchOptions = {}): Promise<NodesBench> {
    const sandbox = await startSandbox(options.sandbox);
    try {
      const credentials = { account: { apiKey: options.apiKey ?? 'test-key' } };
      const flow = flowOf(sandbox.url, options);
      return new NodesBench(
        options,
        sandbox,
        await NodeRed.start({ editor: false, ...options.nodeRed, flow, credentials }),
      );
    } catch (error) {
      await sandbox.close();
      throw error;
    }
  }

  /** Takes the nodes out of Node-RED, which stays for another test: `openerOfShared`. */
  async rest(): Promise<void> {
    this.sandbox.faults.clear();
    if (!this.red.ended) await this.red.deploy([]);
  }

  /** Other nodes, with a spool of their own; the service knows nothing, and nothing was heard so far. */
  async renew(options: BenchOptions): Promise<void> {
    await this.rest();
    await this.sandbox.reset();
    this.red.forget();
    this.#renewals += 1;
    this.options = { ...options, account: { spoolDir: `spool-${this.#renewals}`, ...options.account } };
    const credentials = { account: { apiKey: options.apiKey ?? 'test-key' } };
    await this.red.deploy(flowOf(this.sandbox.url, this.options), 'full', credentials);
  }

  out(port: Out['port'], event?: string): Out[] {
    return (this.red.messages as Out[]).filter(
      (msg) =>
        msg.port === port &&
        (event === undefined ||
          msg.event === event ||
          (msg.payload as { event?: string } | null)?.event === event),
    );
  }

  async until(port: Out['port'], event: string, count = 1): Promise<Out> {
    await this.red.waitFor(() => this.out(port, event).length >= count, `${port} ${event} ${count}`);
    return this.out(port, event)[count - 1] as Out;
  }

  /** All pixels that the sandbox has of a stream, in order. */
  async stored(dataId: unknown): Promise<Buffer> {
    const chunks = this.sandbox.stream(String(dataId))?.chunks ?? [];
    const parts = chunks.map(({ index }) => this.sandbox.readFrames(String(dataId), index));
    return Buffer.concat(await Promise.all(parts));
  }

  /** Codes of the errors that Catch saw. */
  codes(): unknown[] {
    return this.out('catch').map(({ error }) => (error as { code?: string }).code);
  }

  /** Kills Node-RED as a power cut does, and starts it again in the same user folder. */
  async killAndRestart(meanwhile?: () => Promise<void>): Promise<void> {
    const { userDir } = this.red;
    await this.red.kill('SIGKILL');
    await meanwhile?.();
    this.red = await NodeRed.start({ editor: false, ...this.options.nodeRed, userDir });
  }

  async close(): Promise<void> {
    try {
      await this.red.dispose();
    } finally {
      await this.sandbox.close();
    }
  }
}

/**
 * For the tests of a `describe` that leave Node-RED well: one process for them all (one for each way of starting it),
 * which saves a second a test. Each ends by `rest`.
 */
export function openerOfShared(): typeof NodesBench.open {
  const benches = new Map<string, NodesBench>();
  after(async () => {
    for (const bench of benches.values()) await bench.close();
  });
  return async (options = {}) => {
    const key = JSON.stringify([options.nodeRed, options.sandbox]);
    const kept = benches.get(key);
    if (kept && !kept.red.ended) {
      await kept.renew(options);
      return kept;
    }
    await kept?.close();
    const bench = await NodesBench.open(options);
    benches.set(key, bench);
    return bench;
  };
}
