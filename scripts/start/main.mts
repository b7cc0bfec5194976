/**
 * What `npm start` runs once everything is installed and built. Environment: PORT, SANDBOX_PORT, MQTT_PORT,
 * AS_API_KEY and AS_API_ENDPOINT (the real service), DEMO_FOLDER (in place of `.demo/`).
 */
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Demo, startDemo } from './demo.mts';

/** After this long the growth is stopped: 120 frames a second are close to a gigabyte a minute. */
const LONGEST_GROWTH_MIN = 3;
const DEFAULT_ENDPOINT = 'https://api.atomscale.ai';

const ports = {
  PORT: { what: 'Node-RED', usual: 1880 },
  SANDBOX_PORT: { what: 'the sandbox', usual: 8480 },
  MQTT_PORT: { what: 'the MQTT broker', usual: 1883 },
} as const;
type PortName = keyof typeof ports;

function portOf(name: PortName): number {
  const text = process.env[name] || String(ports[name].usual);
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    fail(
      `${name} is a port, 1 to 65535; it is "${text}": change it, or leave it out for ${ports[name].usual}.`,
    );
  }
  return port;
}

function fail(text: string): never {
  console.error(text);
  process.exit(1);
}

/** Whether something listens there already. */
function isTaken(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(true));
    server.listen(port, '127.0.0.1', () => server.close(() => done(false)));
  });
}

async function checkPorts(names: readonly PortName[]): Promise<void> {
  for (const name of names) {
    const port = portOf(name);
    if (await isTaken(port)) {
      fail(`Port ${port}, for ${ports[name].what}, is taken: choose another with ${name}=… npm start`);
    }
  }
}

function welcome(demo: Demo): string {
  const target = demo.sandbox
    ? `Sandbox    ${demo.sandbox.url}    stands in for Atomscale: frames and channels, live`
    : `Atomscale  ${process.env.AS_API_ENDPOINT || DEFAULT_ENDPOINT}    the real service, by AS_API_KEY`;
  const flow = demo.exampleDeployed
    ? 'the flow "One growth run"'
    : `your changed flow (without ${relative(process.cwd(), join(demo.folder, 'node-red', 'flows.json'))} the example comes back)`;
  const start = demo.sandbox
    ? `A growth has been started for you, and stops after ${LONGEST_GROWTH_MIN} minutes.`
    : 'Nothing is sent before you press "Start growth" in the flow.';
  return [
    '',
    `  Node-RED   ${demo.nodeRed.url}    ${flow}`,
    `  ${target}`,
    `  MQTT       mqtt://127.0.0.1:${demo.broker.port}    simulated: rheed/frames (500x300, 120 fps), furnace/#`,
    '',
    `  ${start}`,
    `  ${demo.sandbox ? 'In the sandbox: the specular spot oscillates, one period a monolayer.' : 'The data_ids appear in the debug sidebar.'}`,
    '  In Node-RED: "Stop growth" and "Start growth" are buttons; status and data_ids are in the debug sidebar.',
    `  Node-RED's log: ${relative(process.cwd(), demo.nodeRed.log)}. Ctrl-C stops everything.`,
    '',
  ].join('\n');
}

/** Says once that data has arrived; stops the growth when it has gone on for long. */
async function accompany(demo: Demo, signal: AbortSignal): Promise<void> {
  if (!demo.sandbox) return;
  const began = performance.now();
  await demo.press('start');
  const arrived = () => demo.sandbox?.streams().find((stream) => (stream.frames ?? 0) > 0);
  while (!arrived()) {
    await sleep(200, undefined, { signal });
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`  First frames arrived after ${seconds} s, data_id ${arrived()?.data_id}.`);
  await sleep(LONGEST_GROWTH_MIN * 60_000, undefined, { signal });
  await demo.press('finalize');
  console.log(`  The growth was stopped after ${LONGEST_GROWTH_MIN} minutes: "Start growth" begins another.`);
}

async function main(): Promise<void> {
  const realService = Boolean(process.env.AS_API_KEY);
  const needed: PortName[] = realService ? ['PORT', 'MQTT_PORT'] : ['PORT', 'SANDBOX_PORT', 'MQTT_PORT'];
  await checkPorts(needed);
  console.log('Starting Node-RED …');
  const starting = startDemo({
    nodeRedPort: portOf('PORT'),
    sandboxPort: portOf('SANDBOX_PORT'),
    mqttPort: portOf('MQTT_PORT'),
    realService,
    ...(process.env.DEMO_FOLDER ? { folder: process.env.DEMO_FOLDER } : {}),
  });

  const ending = new AbortController();
  const asked = new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done());
    process.on('disconnect', () => done());
  });
  const stop = async (code: number) => {
    ending.abort();
    console.log('\nStopping …');
    const demo = await starting;
    await demo.close();
    process.exit(code);
  };

  const demo = await Promise.race([starting, asked]);
  if (!demo) return stop(0);
  console.log(welcome(demo));
  accompany(demo, ending.signal).catch((error) => {
    if (!ending.signal.aborted) console.error(`  ${error.message}`);
  });
  const crash = await Promise.race([asked, demo.nodeRed.gone]);
  if (crash) console.error(`  ${crash}: see ${demo.nodeRed.log}`);
  return stop(crash ? 1 : 0);
}

main().catch((error) => fail(error instanceof Error ? error.message : String(error)));
