import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StatusEvent } from '../../dist/uploader/types.js';
import { type FaultName, type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { CERTIFICATE, type Front, startProxy, startTls } from '../helpers/fronts.mts';
import { NodeRed } from '../helpers/node-red.mts';
import { flowOf, NodesBench, RHEED, SERIES } from '../helpers/nodes-bench.mts';
import type { Route } from '../helpers/routes-extension.mts';

const KEY = 'key-that-nobody-else-may-see';
/** Two frames: ten such messages make a chunk. */
const FRAMES = Buffer.alloc(16, 5);

async function chunk(bench: NodesBench): Promise<void> {
  for (let sent = 0; sent < 10; sent += 1) await bench.red.send(RHEED, { payload: FRAMES });
  for (let sent = 0; sent < 5; sent += 1) await bench.red.send(SERIES, { payload: sent, channel: 'T' });
}

/** Every file of the user folder by its path, as text. */
async function filesOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'));
  const read = files.map(async ({ parentPath, name }) => {
    const file = path.join(parentPath, name);
    return [path.relative(folder, file), await readFile(file, 'latin1')] as const;
  });
  return new Map(await Promise.all(read));
}

describe('security of the nodes', function () {
  this.timeout(120_000);
  let bench: NodesBench;
  /** What a test has started, last first. */
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (let close = closers.pop(); close; close = closers.pop()) await close();
  });

  it('the key is in the credentials alone, a signature nowhere, through success and every fault', async () => {
    bench = await NodesBench.open({ apiKey: KEY, account: { verbosity: 4 }, nodeRed: { editor: true } });
    closers.push(() => bench.close());
    await chunk(bench);
    await bench.until('rheed:1', 'opened');
    const faults: FaultName[] = [
      ...([
        '500',
        '503',
        '429',
        'expired',
        's3RequestTimeout',
        'reset-before',
        'reset-after',
        'down',
      ] as const),
    ];
    let chunks = 1;
    for (const fault of faults) {
      bench.sandbox.faults.set(fault, { count: 1 });
      await chunk(bench);
      chunks += 1;
      await bench.until('rheed:2', 'chunk', chunks);
    }
    bench.sandbox.faults.set('403', { count: 1, match: 'upload_urls' });
    await chunk(bench);
    await bench.until('rheed:2', 'quarantined');
    bench.sandbox.faults.set('401');
    await chunk(bench);
    await bench.red.waitFor(() => /paused/.test(bench.red.status(RHEED)?.text ?? ''), 'the account to pause');
    await bench.red.send(RHEED, { payload: Buffer.alloc(9) });
    await bench.red.send(SERIES, { action: 'status' });

    const signatures = bench.sandbox.requests
      .filter(({ method }) => method === 'PUT')
      .map(({ query }) => new URLSearchParams(query).get('sig') ?? '');
    assert.ok(signatures.length >= faults.length && !signatures.includes(''));
    const { red } = bench;
    const told = JSON.stringify([red.logs, red.messages, red.statuses, red.completions]);
    const exported = await (await fetch(`${red.url}/flows`)).text();
    const credentials = await (await fetch(`${red.url}/credentials/atomscale-account/account`)).text();
    assert.match(exported, /rheed-stream/);
    assert.deepEqual(JSON.parse(credentials), { has_apiKey: true });
    const files = await filesOf(red.userDir);
    assert.ok(
      [...files.keys()].some((name) => name.endsWith('stream.json')),
      'the spool is looked at',
    );
    // Tests run without a credential secret, so that file holds the key as it is.
    assert.ok(files.get('flows_cred.json')?.includes(KEY));
    files.delete('flows_cred.json');
    files.delete('.flows_cred.json.backup');
    const places = [...files, ['logs, messages, statuses', told], ['the exported flow', exported]] as const;
    for (const secret of [KEY, ...signatures])
      for (const [name, text] of places) assert.ok(!text.includes(secret), `${name} holds ${secret}`);
  });

  it('names in messages and settings never become paths', async () => {
    bench = await NodesBench.open();
    closers.push(() => bench.close());
    const names = ['../../outside', '/tmp/outside', 'a\0b', '..', 'con', 'x'.repeat(5000)];
    for (const name of names) {
      const settings = { streamName: name.replace('\0', '') };
      await bench.red.send(RHEED, { action: 'start', stream: name, settings });
      assert.equal((await bench.red.send(RHEED, { payload: FRAMES, stream: name })).error, undefined);
      await bench.red.send(SERIES, { payload: 1, channel: name.slice(0, 255), stream: name });
    }
    const spool = path.join(bench.red.userDir, 'atomscale-spool');
    const folders = new Set([...(await filesOf(spool)).keys()].map((file) => path.dirname(file)));
    folders.delete('account');
    assert.equal(folders.size, 2 * names.length);
    for (const folder of folders) assert.match(folder, /^account.(rheed|timeseries)-[a-z0-9]+-[0-9a-f]{8}$/);
    for (const [file, text] of await filesOf(bench.red.userDir))
      if (!file.startsWith('atomscale-spool')) assert.ok(!text.includes('outside'), file);
  });

  it('adds no route to the admin API without asking for a permission', async () => {
    const bare = await mkdtemp(path.join(tmpdir(), 'no-package-'));
    closers.push(() => rm(bare, { recursive: true }));
    await writeFile(path.join(bare, 'package.json'), JSON.stringify({ name: 'none', version: '1.0.0' }));
    const extension = new URL('../helpers/routes-extension.mts', import.meta.url).pathname;
    const routes = async (options: { packageRoot?: string }) => {
      const red = await NodeRed.start({ extension, ...options });
      closers.push(() => red.dispose());
      return (await red.extension(null)) as Route[];
    };
    const [without, with_] = await Promise.all([routes({ packageRoot: bare }), routes({})]);
    const guarded = without.filter(({ isGuarded }) => isGuarded).map(({ path: route }) => route);
    assert.ok(guarded.includes('post /inject/:id'), `the routes that ask are told apart: ${guarded}`);
    const known = new Set(without.map(({ path: route }) => route));
    assert.deepEqual(
      with_.filter((route) => !known.has(route.path) && !route.isGuarded),
      [],
    );
  });

  describe('on the way to the service', () => {
    let sandbox: Sandbox;
    let tls: Front;

    beforeEach(async () => {
      sandbox = await startSandbox({ apiKey: KEY });
      closers.push(() => sandbox.close());
      tls = await startTls(sandbox.url);
      closers.push(() => tls.close());
    });

    async function start(env: Readonly<Record<string, string>>): Promise<NodeRed> {
      const credentials = { account: { apiKey: KEY } };
      const flow = flowOf(tls.url, { account: { verbosity: 4 } });
      const red = await NodeRed.start({ editor: false, flow, credentials, env });
      closers.push(() => red.dispose());
      return red;
    }

    /** A stream from its first frame to the service's acknowledgement. */
    async function stream(red: NodeRed): Promise<void> {
      await red.send(RHEED, { payload: FRAMES });
      await red.send(RHEED, { action: 'finalize' });
      await red.waitFor(() => red.messages.some(({ event }) => event === 'finalized'), 'the stream to end');
      assert.equal(sandbox.streams()[0]?.frames, 2);
      assert.deepEqual(sandbox.complaints, []);
    }

    it('a certificate that nobody vouches for is refused, and the person told how to trust it', async () => {
      const red = await start({});
      await red.send(RHEED, { payload: FRAMES });
      const waiting = () =>
        red.messages
          .map(({ payload }) => payload as StatusEvent)
          .find((status) => status?.event === 'waiting');
      await red.waitFor(() => !!waiting(), 'the stream to wait');
      assert.match(
        waiting()?.error?.message ?? '',
        /certificate is not trusted: \w*SELF_SIGNED_CERT.*NODE_EXTRA_CA_CERTS/,
      );
      assert.deepEqual(sandbox.requests, []);
    });

    it('NODE_EXTRA_CA_CERTS makes it trusted', async () =>
      stream(await start({ NODE_EXTRA_CA_CERTS: CERTIFICATE })));

    for (const [bypass, expected] of [
      ['', true],
      ['127.0.0.1', false],
    ] as const) {
      it(`calls and PUTs go ${expected ? 'through HTTPS_PROXY' : 'past it where NO_PROXY says so'}`, async () => {
        const proxy = await startProxy();
        closers.push(() => proxy.close());
        const HTTPS_PROXY = proxy.url.replace('//', '//someone:proxy-password@');
        // Each in both cases: whichever the machine has set must not win.
        const names = { HTTPS_PROXY, https_proxy: HTTPS_PROXY, NO_PROXY: bypass, no_proxy: bypass };
        const red = await start({ NODE_EXTRA_CA_CERTS: CERTIFICATE, ...names });
        await stream(red);
        const tos = new Set(proxy.asked.map(({ to }) => to));
        assert.deepEqual([...tos], expected ? [new URL(tls.url).host] : []);
        const sent = `Basic ${Buffer.from('someone:proxy-password').toString('base64')}`;
        assert.ok(proxy.asked.every(({ credentials }) => credentials === sent));
        const told = JSON.stringify([red.logs, red.messages, red.statuses]);
        assert.ok(!told.includes('proxy-password') && !told.includes(sent));
      });
    }
  });
});
