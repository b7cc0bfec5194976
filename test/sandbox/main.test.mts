/** The sandbox as people start it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../sandbox/main.mts', import.meta.url));

interface Run {
  child: ChildProcess;
  /** What it has printed so far. */
  out: string;
  err: string;
  exit: Promise<[number | null, NodeJS.Signals | null]>;
}

function run(...args: string[]): Run {
  const child = spawn(process.execPath, [MAIN, ...args]);
  const exit = once(child, 'close') as Run['exit'];
  const started: Run = { child, out: '', err: '', exit };
  child.stdout.on('data', (text) => {
    started.out += text;
  });
  child.stderr.on('data', (text) => {
    started.err += text;
  });
  return started;
}

describe('sandbox: command line', function () {
  this.timeout(30_000);

  it('prints its address, stops cleanly at SIGTERM and removes its folder', async () => {
    const sandbox = run('--port', '0');
    await once(sandbox.child.stdout as NodeJS.ReadableStream, 'data');
    const [, url, folder] = sandbox.out.match(/on (http:\/\/127\.0\.0\.1:\d+), streams in (.+)\n/) ?? [];
    assert.ok(url && folder, sandbox.out);
    assert.equal((await fetch(`${url}/gateway/time`)).status, 200);
    assert.ok(existsSync(folder));
    sandbox.child.kill('SIGTERM');
    assert.deepEqual(await sandbox.exit, [0, null]);
    assert.equal(sandbox.err, '');
    assert.ok(!existsSync(folder));
  });

  it('says in one line that the port is taken', async () => {
    const first = run('--port', '0');
    await once(first.child.stdout as NodeJS.ReadableStream, 'data');
    const port = first.out.match(/:(\d+),/)?.[1] ?? '';
    const second = run('--port', port);
    assert.deepEqual(await second.exit, [1, null]);
    assert.match(second.err, new RegExp(`^sandbox: port ${port} is taken; [^\\n]+\\n$`));
    first.child.kill('SIGINT');
    assert.deepEqual(await first.exit, [0, null]);
  });

  it('refuses a port that is none', async () => {
    const sandbox = run('--port', 'x');
    assert.deepEqual(await sandbox.exit, [1, null]);
    assert.match(sandbox.err, /--port: expected a whole number from 0 to 65535, got x/);
  });
});
