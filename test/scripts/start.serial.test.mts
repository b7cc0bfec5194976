import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startSandbox } from '../../sandbox/server.mts';
import { demoFlow } from '../../scripts/start/demo.mts';
import { buttons, readExample } from '../../scripts/start/flow.mts';
import { freePorts, listen } from '../helpers/ports.mts';

const main = fileURLToPath(new URL('../../scripts/start/main.mts', import.meta.url));

/** `npm start` after installation and build, on ports and in a folder of its own. */
class Start {
  readonly ports: { PORT: number; SANDBOX_PORT: number; MQTT_PORT: number };
  out = '';
  err = '';
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcess;

  private constructor(ports: Start['ports'], folder: string, env: Record<string, string>) {
    this.ports = ports;
    const texts = Object.entries(ports).map(([name, port]) => [name, String(port)]);
    this.#child = spawn(process.execPath, [main], {
      env: {
        ...process.env,
        AS_API_KEY: '',
        AS_API_ENDPOINT: '',
        DEMO_FOLDER: folder,
        ...Object.fromEntries(texts),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.out += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.err += text;
    });
    this.exit = once(this.#child, 'close').then(([code]) => code);
  }

  static async run(folder: string, env: Record<string, string> = {}): Promise<Start> {
    const [PORT = 0, SANDBOX_PORT = 0, MQTT_PORT = 0] = await freePorts(3);
    return new Start({ PORT, SANDBOX_PORT, MQTT_PORT }, folder, env);
  }

  async children(): Promise<number[]> {
    const { pid } = this.#child;
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const end = Date.now() + 50_000;
    while (!(await condition())) {
      if (this.#child.exitCode !== null || Date.now() > end) {
        throw new Error(`${what} did not come\n${this.out}\n${this.err}`);
      }
      await sleep(100);
    }
  }
}

describe('npm start', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atomscale-start-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it('prints its addresses, lets frames travel, and at SIGTERM leaves nothing behind', async () => {
    const start = await Start.run(folder);
    try {
      await start.until(() => start.out.includes('First frames arrived'), 'frames');
      for (const port of Object.values(start.ports)) assert.ok(start.out.includes(`127.0.0.1:${port}`));
    } finally {
      start.kill('SIGTERM');
    }
    assert.equal(await start.exit, 0, start.err);
    assert.equal(start.err, '');
    for (const port of Object.values(start.ports)) (await listen(port)).server.close();
    const log = await readFile(join(folder, 'node-red.log'), 'utf8');
    assert.match(log, /Stopped flows/);
    assert.doesNotMatch(log, /\[error\]/);
  });

  for (const name of ['PORT', 'SANDBOX_PORT', 'MQTT_PORT'] as const) {
    it(`says in one line that ${name} is taken, and ends`, async () => {
      const { server, port } = await listen();
      try {
        const start = await Start.run(folder, { [name]: String(port) });
        assert.equal(await start.exit, 1);
        assert.equal(start.err.trim().split('\n').length, 1);
        assert.ok(start.err.includes(String(port)) && start.err.includes(`${name}=`), start.err);
      } finally {
        server.close();
      }
    });
  }

  it('ends, and says why, when Node-RED is gone', async function () {
    if (process.platform !== 'linux') this.skip(); // the child is found in /proc
    const start = await Start.run(folder);
    await start.until(() => start.out.includes('Ctrl-C'), 'the welcome');
    for (const pid of await start.children()) process.kill(pid, 'SIGKILL');
    assert.equal(await start.exit, 1);
    assert.match(start.err, /Node-RED ended \(SIGKILL\)/);
  });

  it('takes Node-RED with it when it is killed', async () => {
    const start = await Start.run(folder);
    await start.until(() => start.out.includes('Ctrl-C'), 'the welcome');
    start.kill('SIGKILL');
    await start.exit;
    const answers = () =>
      fetch(`http://127.0.0.1:${start.ports.PORT}`).then(
        () => true,
        () => false,
      );
    while (await answers()) await sleep(100);
  });

  it('with AS_API_KEY sends to the service, by that key, once the button was pressed', async () => {
    const service = await startSandbox({ apiKey: 'real-key' });
    try {
      const env = { AS_API_KEY: 'real-key', AS_API_ENDPOINT: service.url };
      const start = await Start.run(folder, env);
      await start.until(() => start.out.includes('Ctrl-C'), 'the welcome');
      assert.ok(start.out.includes(service.url) && !start.out.includes('real-key'));
      assert.ok(!start.out.includes(`:${start.ports.SANDBOX_PORT}`));
      assert.equal(service.streams().length, 0);
      const press = async (action: 'start' | 'finalize') => {
        const [id] = buttons(await readExample(demoFlow), action);
        await fetch(`http://127.0.0.1:${start.ports.PORT}/inject/${id}`, { method: 'POST' });
      };
      await press('start');
      await start.until(
        () => service.streams().some(({ frames = 0 }) => frames > 0),
        'frames at the service',
      );
      await press('finalize');
      await start.until(() => service.streams().every(({ ended_at }) => ended_at !== null), 'the end');
      start.kill('SIGTERM');
      assert.equal(await start.exit, 0, start.err);
      assert.deepEqual(service.complaints, []);
    } finally {
      await service.close();
    }
  });
});
