import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';

const LIBRARY = new URL('../../dist/uploader/index.js', import.meta.url).href;
const PRELUDE = `
import { RheedStreamer } from '${LIBRARY}';
const SETTINGS = { fps: 10, chunkSize: 20 };
const frames = () => ({ data: new Uint8Array(20 * 192).fill(7), shape: [20, 12, 16] });
const streamer = new RheedStreamer({
  apiKey: process.env.KEY, endpoint: process.env.ENDPOINT, spoolDir: process.env.SPOOL,
  spoolMinFreeBytes: 0, clockSync: false, openTimeout: 20,
});
const say = (value) => console.log(JSON.stringify(value));
`;

describe('a process that uses the library', function () {
  this.timeout(90_000);
  let spoolDir: string;
  let sandbox: Sandbox;

  beforeEach(async () => {
    spoolDir = await mkdtemp(join(tmpdir(), 'atomscale-library-'));
    sandbox = await startSandbox({ apiKey: 'right' });
  });

  afterEach(async () => {
    await sandbox.close();
    await rm(spoolDir, { recursive: true, force: true });
  });

  /** Runs a script to its own end; what it said, its exit code, and whether it had to be ended. */
  async function run(script: string, key = 'right', seconds = 45) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', PRELUDE + script], {
      env: { ...process.env, KEY: key, ENDPOINT: sandbox.url, SPOOL: spoolDir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    const timer = setTimeout(() => child.kill(), seconds * 1000);
    const code = await new Promise((resolve) => child.once('close', resolve));
    clearTimeout(timer);
    return {
      code,
      said: text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown),
    };
  }

  it('ends by itself after finalize', async () => {
    const { code, said } = await run(`
      const id = await streamer.initialize(SETTINGS);
      await streamer.push(id, 0, frames());
      say((await streamer.finalize(id)).chunks_uploaded);`);
    assert.deepEqual([code, said], [0, [1]]);
  });

  it('ends by itself after a refused key', async () => {
    const { code, said } = await run(
      `await streamer.initialize(SETTINGS).catch((error) => say(error.code));`,
      'wrong',
      15,
    );
    assert.deepEqual([code, said], [0, ['ERR_AUTH']]);
  });

  it('lives until finalize is through, also while nothing but a retry is pending', async () => {
    sandbox.faults.set('500', { match: 'upload_urls', count: 3 });
    const { code, said } = await run(`
      const id = await streamer.initialize(SETTINGS);
      await streamer.push(id, 0, frames());
      say((await streamer.finalize(id)).chunks_uploaded);`);
    assert.deepEqual([code, said], [0, [1]]);
  });

  it('delivers on after a drainTimeout', async () => {
    sandbox.faults.set('500', { match: 'upload_urls', count: 3 });
    const { code, said } = await run(`
      const id = await streamer.initialize(SETTINGS);
      await streamer.push(id, 0, frames());
      await streamer.finalize(id, { drainTimeout: 0.1 }).catch((error) => say(error.code));
      await new Promise((resolve) => setTimeout(resolve, 8_000));`);
    assert.deepEqual([code, said], [0, ['ERR_API']]);
    const ends = sandbox.requests.filter(({ path, status }) => path.endsWith('/end') && status === 200);
    assert.equal(ends.length, 1);
  });

  it('opens one stream although another beside it is refused', async () => {
    const { code, said } = await run(`
      const unknown = { ...SETTINGS, physicalSample: '99999999-9999-4999-8999-999999999999' };
      const [bad, good] = await Promise.allSettled([
        streamer.initialize(unknown), streamer.initialize({ ...SETTINGS, tags: ['new'] }),
      ]);
      say([bad.status, good.status]);
      if (good.value) await streamer.finalize(good.value);`);
    assert.deepEqual([code, said], [0, [['rejected', 'fulfilled']]]);
  });

  it('lists, retries and discards what is in quarantine', async () => {
    sandbox.faults.set('403', { count: 2, match: 'upload_urls' });
    const first = await run(`
      const id = await streamer.initialize(SETTINGS);
      for (const index of [0, 1, 2]) await streamer.push(id, index, frames());
      const { chunks_quarantined } = await streamer.finalize(id);
      say([id, chunks_quarantined]);
    `);
    const [id, quarantined] = first.said[0] as [string, number];
    assert.equal(quarantined, 2);
    const { code, said } = await run(`
      const [{ data_id, chunks }] = await streamer.quarantined();
      say(data_id);
      const [one, other] = chunks.map(({ chunk_index }) => chunk_index);
      say(await streamer.discardQuarantined({ chunks: [one] }));
      say(await streamer.retryQuarantined());
      say(await streamer.quarantined());
    `);
    assert.deepEqual([code, said], [0, [id, 1, 1, []]]);
    const [, continued] = sandbox.streams();
    assert.deepEqual([continued?.frames, continued?.ended_at !== null], [20, true]);
  });
});
