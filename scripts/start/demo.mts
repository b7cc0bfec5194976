import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { type Broker, startBroker } from './broker.mts';
import { type CameraFeed, startCamera } from './camera-feed.mts';
import { atBroker, buttons, type FlowNode, placeFlow, readExample } from './flow.mts';
import { type FurnaceFeed, startFurnace } from './furnace.mts';
import { type NodeRed, startNodeRed } from './node-red.mts';

export const demoFlow = 'One growth run - camera, sensors, start and stop button';

export interface DemoOptions {
  readonly nodeRedPort: number;
  readonly sandboxPort: number;
  readonly mqttPort: number;
  /** Where Node-RED, the sandbox and the log live. Default `.demo/` in the checkout. */
  readonly folder?: string;
  /** true: to the real service, by AS_API_KEY and AS_API_ENDPOINT; no sandbox. */
  readonly realService: boolean;
}

/** `npm start` as an object: everything that it runs. */
export interface Demo {
  readonly nodeRed: NodeRed;
  readonly sandbox: Sandbox | null;
  readonly broker: Broker;
  readonly camera: CameraFeed;
  readonly furnace: FurnaceFeed;
  readonly folder: string;
  /** false: the user had changed the flow, and it was left as it is. */
  readonly exampleDeployed: boolean;
  /** Presses the flow's start (or stop) buttons; resolves to how many there are. */
  press(action: 'start' | 'finalize'): Promise<number>;
  close(): Promise<void>;
}

/** How long closing waits for the last chunks to reach the sandbox. */
const LONGEST_DRAIN_MS = 5_000;
/** How long starting waits for the flow to reach the broker. */
const LONGEST_CONNECT_MS = 3_000;

/** Starts everything, or rejects with nothing left running. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const folder = resolve(options.folder ?? fileURLToPath(new URL('../../.demo', import.meta.url)));
  const userDir = join(folder, 'node-red');
  await mkdir(userDir, { recursive: true });
  const undo: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) {
      await step();
    }
  };
  try {
    const sandbox = options.realService
      ? null
      : await openSandbox(options.sandboxPort, join(folder, 'streams'));
    undo.push(() => (sandbox ? closeSandbox(sandbox) : undefined));
    const broker = await startBroker(options.mqttPort);
    undo.push(() => broker.close());
    const camera = startCamera({ publish: broker.publish });
    undo.push(() => camera.close());
    const furnace = startFurnace({ publish: broker.publish });
    undo.push(() => furnace.close());
    broker.onText('rheed/growth', (text) => {
      camera.grow(text === 'start');
      furnace.grow(text === 'start');
    });

    const exampleDeployed = await placeFlow(userDir, atBroker(await readExample(demoFlow), broker.port));
    const nodeRed = await startNodeRed({
      folder: userDir,
      log: join(folder, 'node-red.log'),
      port: options.nodeRedPort,
      env: environment(sandbox),
    });
    undo.push(() => nodeRed.stop());
    await flowConnected(broker);
    const press = (action: 'start' | 'finalize') => pressAll(nodeRed, userDir, action);
    undo.push(async () => {
      if (sandbox) await endStreams(sandbox, press);
    });
    return { nodeRed, sandbox, broker, camera, furnace, folder, exampleDeployed, press, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the flow publishes before its connection stands is lost; a changed flow may have none. */
async function flowConnected(broker: Broker): Promise<void> {
  const end = performance.now() + LONGEST_CONNECT_MS;
  while (broker.subscriptions.size === 0 && performance.now() < end) {
    await sleep(50);
  }
}

async function openSandbox(port: number, folder: string): Promise<Sandbox> {
  await mkdir(folder, { recursive: true });
  return startSandbox({ port, folder });
}

/** Ended streams go, or each start would fill the disk by gigabytes; open ones go on at the next start. */
async function closeSandbox(sandbox: Sandbox): Promise<void> {
  const ended = sandbox.streams().filter((stream) => stream.ended_at !== null);
  await sandbox.close();
  for (const stream of ended) {
    await rm(join(sandbox.folder, stream.data_id), { recursive: true, force: true });
  }
}

/** Node-RED is pointed at the sandbox by its environment, and past any proxy. */
function environment(sandbox: Sandbox | null): Record<string, string> {
  if (!sandbox) {
    return {};
  }
  const direct = [process.env.NO_PROXY ?? process.env.no_proxy, '127.0.0.1', 'localhost'];
  const noProxy = direct.filter(Boolean).join(',');
  return { AS_API_ENDPOINT: sandbox.url, AS_API_KEY: 'sandbox', NO_PROXY: noProxy, no_proxy: noProxy };
}

async function pressAll(nodeRed: NodeRed, userDir: string, action: 'start' | 'finalize'): Promise<number> {
  const flow: FlowNode[] = JSON.parse(await readFile(join(userDir, 'flows.json'), 'utf8'));
  const ids = buttons(flow, action);
  for (const id of ids) {
    await nodeRed.press(id);
  }
  return ids.length;
}

/** Ends what is open, as the stop button does, and gives the last chunks a moment to arrive. */
async function endStreams(sandbox: Sandbox, press: Demo['press']): Promise<void> {
  const open = () => sandbox.streams().some((stream) => stream.ended_at === null);
  if (!open()) {
    return;
  }
  try {
    await press('finalize');
  } catch {
    return; // Node-RED is gone or busy: the streams stay open, and go on at the next start
  }
  const end = performance.now() + LONGEST_DRAIN_MS;
  while (open() && performance.now() < end) {
    await sleep(100);
  }
}
