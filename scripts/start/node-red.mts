import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { lstat, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..');
const packageName = '@rheed/node-red-atomscale';

export interface NodeRed {
  readonly url: string;
  /** What it writes. */
  readonly log: string;
  /** Resolves when the process is gone, with what happened. */
  readonly gone: Promise<string>;
  /** Presses the button of an inject node. */
  press(id: string): Promise<void>;
  stop(): Promise<void>;
}

export interface NodeRedOptions {
  /** userDir: flows.json is there already. */
  readonly folder: string;
  readonly log: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
}

/** Close handlers have 15 s in Node-RED. */
const LONGEST_STOP_MS = 16_000;
const LONGEST_START_MS = 120_000;

/** A folder as `npm install` of this package would leave it, with a link in place of a copy. */
async function furnish(folder: string): Promise<void> {
  const link = join(folder, 'node_modules', packageName);
  await mkdir(dirname(link), { recursive: true });
  if (!(await lstat(link).catch(() => null))) {
    await symlink(root, link, 'junction');
  }
  const manifest = { name: 'node-red-demo', private: true, dependencies: { [packageName]: '*' } };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Resolves when the editor answers and the flow has been started. */
export async function startNodeRed(options: NodeRedOptions): Promise<NodeRed> {
  const { folder, log, port, env } = options;
  await furnish(folder);
  const program = createRequire(import.meta.url).resolve('node-red/red.js');
  const args = ['--userDir', folder, '--settings', join(here, 'settings.cjs'), '--port', String(port)];
  const child = spawn(process.execPath, ['--require', join(here, 'leash.cjs'), program, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Ctrl-C in a terminal reaches the whole process group: Node-RED is to be stopped in its turn.
    detached: process.platform !== 'win32',
  });
  const file = createWriteStream(log);
  child.stdout?.pipe(file);
  child.stderr?.pipe(file);
  const gone = once(child, 'exit').then(
    ([code, signal]) => `Node-RED ended (${signal ?? `exit code ${code}`})`,
  );

  const nodeRed: NodeRed = {
    url: `http://127.0.0.1:${port}`,
    log,
    gone,
    async press(id) {
      const answer = await fetch(`${this.url}/inject/${id}`, { method: 'POST' });
      if (!answer.ok) {
        throw new Error(`Node-RED answered ${answer.status} when the button ${id} was pressed`);
      }
    },
    stop: () => stop(child, gone),
  };
  try {
    await Promise.race([
      untilStarted(nodeRed),
      gone.then(async (how) => {
        throw new Error(`${how}: ${(await lastLines(log)) || `see ${log}`}`);
      }),
    ]);
  } catch (error) {
    await nodeRed.stop();
    throw error;
  }
  return nodeRed;
}

async function untilStarted({ url, log }: NodeRed): Promise<void> {
  const end = performance.now() + LONGEST_START_MS;
  while (performance.now() < end) {
    const started = (await readFile(log, 'utf8').catch(() => '')).includes('Started flows');
    if (
      started &&
      (await fetch(url).then(
        (answer) => answer.ok,
        () => false,
      ))
    ) {
      return;
    }
    await sleep(100);
  }
  throw new Error(`Node-RED did not start within ${LONGEST_START_MS / 1000} s: see ${log}`);
}

async function lastLines(log: string): Promise<string> {
  const lines = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n');
  return lines.slice(-3).join(' | ');
}

async function stop(child: ChildProcess, gone: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  if (child.connected) {
    child.send('shutdown'); // what Node-RED listens to on every platform
  }
  const killer = setTimeout(() => child.kill('SIGKILL'), LONGEST_STOP_MS);
  await gone;
  clearTimeout(killer);
}
