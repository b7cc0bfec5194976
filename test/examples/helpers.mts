import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { buttons, type FlowNode } from '../../scripts/start/flow.mts';
import { NodeRed, type NodeRedOptions } from '../helpers/node-red.mts';

const tap = fileURLToPath(new URL('./debug-tap.mts', import.meta.url));

/** What arrived at a debug node. */
export interface Shown {
  debug: string;
  payload: unknown;
  event?: string;
  report?: { chunks_uploaded: number; frames?: number; points?: number; lost: unknown[] };
  error?: string;
}

/** An example in a real Node-RED, against a sandbox. */
export class Bench {
  readonly sandbox: Sandbox;
  nodeRed: NodeRed;
  readonly #flow: readonly FlowNode[];
  readonly #options: NodeRedOptions;

  private constructor(
    sandbox: Sandbox,
    nodeRed: NodeRed,
    flow: readonly FlowNode[],
    options: NodeRedOptions,
  ) {
    this.sandbox = sandbox;
    this.nodeRed = nodeRed;
    this.#flow = flow;
    this.#options = options;
  }

  static async run(flow: readonly FlowNode[], options: NodeRedOptions = {}): Promise<Bench> {
    const sandbox = await startSandbox();
    try {
      const env = { AS_API_ENDPOINT: sandbox.url, AS_API_KEY: 'examples', NO_PROXY: '127.0.0.1,localhost' };
      const whole = { ...options, env, extension: tap };
      const nodeRed = await NodeRed.start({ ...whole, flow: [...flow] });
      // What an example does once, a tenth of a second after its start, is done before a person presses a button.
      await sleep(1000);
      return new Bench(sandbox, nodeRed, flow, whole);
    } catch (error) {
      await sandbox.close();
      throw error;
    }
  }

  /** Node-RED ends, and starts again with what its folder holds. */
  async restart(): Promise<void> {
    await this.nodeRed.stop();
    this.nodeRed = await NodeRed.start({ ...this.#options, userDir: this.nodeRed.userDir });
  }

  /** Presses the example's button, as the editor does. */
  async press(action: 'start' | 'finalize'): Promise<void> {
    for (const id of buttons(this.#flow, action)) {
      const answer = await fetch(`${this.nodeRed.url}/inject/${id}`, { method: 'POST' });
      if (!answer.ok) throw new Error(`the button ${id} answered ${answer.status}`);
    }
  }

  shown(debug: string): Shown[] {
    return (this.nodeRed.told as Shown[]).filter((shown) => shown.debug === debug);
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await this.nodeRed.waitFor(condition, what, 90_000);
  }

  /** Until a stream has ended, as many as given in all; resolves to what its debug node showed last. */
  async ended(count = 1): Promise<Shown> {
    const ends = () => this.shown('data_id').filter(({ event }) => event === 'finalized');
    await this.until(() => ends().length >= count, 'the end of the stream');
    return ends().at(-1) as Shown;
  }

  async close(): Promise<void> {
    try {
      await this.nodeRed.dispose();
    } finally {
      await this.sandbox.close();
    }
  }
}

/** The same flow with other settings in all nodes of a type: the addresses that the example's comments name. */
export function changed(flow: readonly FlowNode[], type: string, settings: object): FlowNode[] {
  return flow.map((node) => (node.type === type ? { ...node, ...settings } : node));
}

/** Hashes of all frames that the sandbox stored of a stream, in order. */
export async function storedFrames(sandbox: Sandbox, dataId: string): Promise<string[]> {
  const state = sandbox.stream(dataId);
  if (!state) throw new Error(`the sandbox has no stream ${dataId}`);
  const size = (state.height ?? 0) * (state.width ?? 0);
  const hashes: string[] = [];
  for (const { index } of state.chunks) {
    const pixels = await sandbox.readFrames(dataId, index);
    for (let at = 0; at < pixels.length; at += size) hashes.push(hash(pixels.subarray(at, at + size)));
    await sleep(0);
  }
  return hashes;
}

export function hash(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('base64');
}
