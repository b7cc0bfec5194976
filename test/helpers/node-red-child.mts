/** A real Node-RED in a process of its own; `node-red.mts` starts it and talks to it over IPC. */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { NodeAPI, NodeMessage, NodeRedApp } from 'node-red';
import type { ChildOptions, Notice, Probe, Request } from './node-red-protocol.mts';

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const require = createRequire(import.meta.url);
const name = options.version === 5 ? 'node-red' : 'node-red-4';
const RED = require(name) as NodeRedApp & NodeAPI;
const express = createRequire(require.resolve(`${name}/package.json`))('express');

/** Node-RED packages of others that tests use. */
const OTHERS = ['node-red-contrib-modbus', '@flowfuse/node-red-dashboard'];

function tell(notice: Notice): void {
  process.send?.(notice);
}

const delay = monitorEventLoopDelay({ resolution: 1 });

/** Twice: what finalizers of the first round let go of is free only after the second. */
async function collectGarbage(): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise(setImmediate);
  }
}

async function probe(reset: boolean): Promise<Probe> {
  const ms = (nanos: number) => nanos / 1e6;
  // Before the collection, which blocks the loop itself.
  const result = { p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), max: ms(delay.max) };
  await collectGarbage();
  if (reset) delay.reset();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { memory: process.memoryUsage(), delay: result, resources };
}

/** What an error looks like on the other side of IPC. */
function plain(error: unknown): { code?: string | undefined; message: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  return { code: (error as { code?: string }).code, message: error.message };
}

/** The types lack it: what the editor's deploy button calls. */
const { setFlows } = (
  RED as unknown as { runtime: { flows: { setFlows(options: object): Promise<unknown> } } }
).runtime.flows;

const app = express();
const server = createServer(app);
/** By message: a message that a node makes of it carries its `_test` on to others. */
const sentTo = new Map<number, string>();
let stopping = false;
let extension: ((value: unknown) => unknown) | undefined;

async function answer(request: Request): Promise<unknown> {
  switch (request.type) {
    case 'send': {
      const node = RED.nodes.getNode(request.node);
      if (!node) throw new Error(`no node ${request.node} is running`);
      sentTo.set(request.id, request.node);
      node.receive({ ...request.msg, _test: request.id } as NodeMessage);
      return undefined;
    }
    case 'deploy': {
      // setFlows answers when the flow is stored; its nodes are there when it says "started".
      const started = new Promise((resolve) => RED.events.once('flows:started', resolve));
      await setFlows({ flows: { flows: request.flows }, deploymentType: request.deployType });
      await started;
      return undefined;
    }
    case 'probe':
      return probe(request.reset);
    case 'extension':
      return extension?.(request.value);
    case 'stop':
      stopping = true;
      await RED.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      return undefined;
  }
}

process.on('message', ({ to, request }: { to: number; request: Request }) => {
  answer(request)
    .then(
      (value) => tell({ type: 'answer', to, value }),
      (error) => tell({ type: 'answer', to, error: String(error?.stack ?? error) }),
    )
    .finally(() => {
      // Whatever is still alive then was left behind by a node: the parent waits for a natural exit.
      if (request.type === 'stop') process.disconnect();
    });
});

// The test that started this process is gone.
process.on('disconnect', () => {
  if (!stopping) process.exit(1);
});

// As Node-RED's own program does.
process.on('SIGTERM', () => {
  if (stopping) return;
  stopping = true;
  void RED.stop().then(() => process.exit());
});

RED.init(server, {
  uiHost: '127.0.0.1',
  userDir: options.userDir,
  flowFile: 'flows.json',
  // Installed here for some tests: the others start without them.
  nodesExcludes: OTHERS.filter((other) => !options.palette.includes(other)),
  httpAdminRoot: '/',
  httpNodeRoot: '/api',
  disableEditor: !options.editor,
  credentialSecret: false,
  functionGlobalContext: { toTest: (msg: Record<string, unknown>) => tell({ type: 'message', msg }) },
  logging: {
    console: { level: 'off', metrics: false, audit: false },
    test: {
      level: 'debug',
      metrics: false,
      handler: () => (entry: { level: number; msg: unknown }) => {
        const text = entry.msg instanceof Error ? (entry.msg.stack ?? entry.msg.message) : String(entry.msg);
        tell({ type: 'log', level: entry.level, text });
      },
    },
  },
  editorTheme: { tours: false, projects: { enabled: false } },
  telemetry: { enabled: false, updateNotification: false },
  externalModules: { autoInstall: false, palette: { allowInstall: false }, modules: { allowInstall: false } },
} as unknown as Parameters<NodeRedApp['init']>[1]);

if (options.editor) app.use('/', RED.httpAdmin);
app.use('/api', RED.httpNode);

RED.hooks.add(
  'onComplete.test',
  ({ msg, error, node }: { msg: NodeMessage; error?: unknown; node: { id: string } }) => {
    if (typeof msg._test !== 'number' || sentTo.get(msg._test) !== node.id) return;
    const completion = { id: msg._test, node: node.id };
    tell({ type: 'completed', completion: error ? { ...completion, error: plain(error) } : completion });
  },
);
RED.events.on('node-status', ({ id, status }: { id: string; status?: object }) => {
  tell({ type: 'status', node: id, status: status ?? {} });
});

if (options.extension) {
  const module = await import(options.extension);
  extension = module.default(RED, (value: unknown) => tell({ type: 'told', value }));
}

await new Promise<void>((resolve) => server.listen(options.port, '127.0.0.1', resolve));
const started = new Promise((resolve) => RED.events.once('flows:started', resolve));
await RED.start();
await started;
delay.enable();
// The types say string; it is a function.
const redVersion = (RED as unknown as { version(): string }).version();
tell({ type: 'ready', port: (server.address() as AddressInfo).port, redVersion });
