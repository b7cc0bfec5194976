import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import namesModule from '../../dist/uploader/api/names.js';
import type { RheedStream } from '../../dist/uploader/rheed.js';
import { type Front, startServer } from '../helpers/fronts.mts';
import { Bench, CHUNK_SIZE, Ears, pushAll, RHEED_SETTINGS, until } from '../helpers/uploader.mts';

const KEY = 'key-that-nobody-else-may-see';
const SIGNATURE = 'signature-that-nobody-else-may-see';

type Answer = (response: ServerResponse) => void;

/** A service whose answers are told call by call; the others are as they should be. */
interface Service extends Front {
  readonly requests: string[];
  create?: Answer | undefined;
  presign?: Answer | undefined;
  put?: Answer | undefined;
}

const json =
  (body: unknown, status = 200): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

async function startService(): Promise<Service> {
  const service: Service = Object.assign(
    await startServer(({ method, url = '' }, response) => {
      const presigned = json([{ url: `${service.url}/put?X-Amz-Signature=${SIGNATURE}` }]);
      if (url === '/rheed/stream/') (service.create ?? json('data-id'))(response);
      else if (url.includes('upload_urls')) (service.presign ?? presigned)(response);
      else if (method === 'PUT') (service.put ?? json(null))(response);
      else json([])(response);
    }),
    {},
  );
  return service;
}

describe('security of the uploader', function () {
  this.timeout(60_000);
  let bench: Bench;
  let service: Service;
  let other: Front & { requests: string[] };
  let log: string[];
  let ears: Ears;

  beforeEach(async () => {
    bench = await Bench.make();
    service = await startService();
    other = await startServer((_request, response) => json(null)(response));
    log = [];
  });
  afterEach(async () => {
    await bench.end();
    await service.close();
    await other.close();
  });

  async function open(): Promise<RheedStream> {
    const hear = (text: string) => void log.push(text);
    const logger = { error: hear, warn: hear, info: hear, debug: hear };
    const uploader = await bench.acquire({ endpoint: service.url, apiKey: KEY, logger });
    const stream = await uploader.startRheed({ node: 'n', stream: '' }, RHEED_SETTINGS, RHEED_SETTINGS);
    ears = new Ears(stream);
    await pushAll(stream, 0, CHUNK_SIZE);
    return stream;
  }

  const asked = (what: string) => service.requests.filter((request) => request.startsWith(what)).length;
  const waits = async (): Promise<string> => String((await ears.status('waiting')).error?.message);

  /** Everything a person, a log or a disk gets to see. */
  async function everything(): Promise<string> {
    const told = [
      ears.streams,
      ears.statuses,
      ears.problems.map((error) => [error, error.message, error.stack]),
    ];
    const files = (await readdir(bench.spoolDir, { recursive: true, withFileTypes: true })).filter((file) =>
      file.isFile(),
    );
    const contents = await Promise.all(
      files.map((file) => readFile(join(file.parentPath, file.name), 'latin1').catch(() => '')),
    );
    return [JSON.stringify(told), ...log, ...contents].join('\n');
  }

  async function nothingLeaked(): Promise<void> {
    const all = await everything();
    assert.ok(!all.includes(KEY), 'the key');
    assert.ok(!all.includes(SIGNATURE), 'a signature');
  }

  for (const status of [301, 302, 307, 308]) {
    it(`a redirect (${status}) carries neither key nor data to another host, and says so`, async () => {
      const redirect: Answer = (response) =>
        response.writeHead(status, { location: `${other.url}/elsewhere?X-Amz-Signature=${SIGNATURE}` }).end();
      Object.assign(service, { create: redirect, put: redirect });
      const stream = await open();
      assert.match(
        await waits(),
        new RegExp(`answered ${status}: a redirect to ${other.url} is not followed`),
      );
      service.create = undefined;
      await until(() => asked('PUT') > 0, 'a PUT');
      service.put = undefined;
      await ears.status('chunk');
      assert.equal(stream.status().chunks_uploaded, 1);
      assert.deepEqual(other.requests, []);
      await nothingLeaked();
    });
  }

  it('ids are one word that has no other meaning in a path', () => {
    const { Id } = namesModule;
    const bad = [
      '',
      '.',
      '..',
      '../../x',
      'a/b',
      'a\\b',
      'a b',
      'a\nb',
      'a\0b',
      'é',
      'x'.repeat(256),
      5,
      null,
      {},
    ];
    for (const id of bad) assert.equal(v.safeParse(Id, id).success, false, String(id));
    for (const id of ['7', '8c5c2a52-5cb4-4bb0-9a0e-0f4d3c1b2a19', 'a.b:c_d-e', 'x'.repeat(255)])
      assert.equal(v.safeParse(Id, id).success, true, id);
  });

  for (const id of ['../../x', { id: 'x' }]) {
    it(`an id like ${JSON.stringify(id).slice(0, 20)} is refused, and no second stream created for it`, async () => {
      service.create = json(id);
      await open();
      assert.match(await waits(), /POST \/rheed\/stream\/: answered 200, .*check the endpoint/);
      // Long enough for the tries that any other failure is followed by.
      await sleep(2000);
      assert.equal(asked('POST /rheed/stream/'), 1);
      assert.equal(asked('POST /data_entries'), 0);
    });
  }

  it('an id with a meaning in addresses stays one step of the path', async () => {
    service.create = json('a?b#c%2e');
    const stream = await open();
    await ears.status('chunk');
    await stream.finalize();
    await until(() => asked('POST /rheed/stream/a%3Fb%23c%252e/end') === 1, 'the end');
  });

  const nonsense: [string, Answer][] = [
    ['no JSON', (response) => response.end('<html><title>Sign in</title>')],
    ['JSON of another kind', json({ urls: 5 })],
    ['an address of another kind', json([{ url: 'file:///etc/passwd' }])],
    ['no address', json([{ url: `nowhere?${SIGNATURE}` }])],
    ['nothing', (response) => response.writeHead(204).end()],
    ['10 MB of text', (response) => response.end('x'.repeat(10e6))],
    ['deeply nested JSON', (response) => response.end(`${'['.repeat(1e5)}${']'.repeat(1e5)}`)],
  ];
  for (const [what, answer] of nonsense) {
    it(`${what} where an upload URL belongs is tried again`, async () => {
      service.presign = answer;
      const stream = await open();
      await waits();
      service.presign = undefined;
      await ears.status('chunk');
      assert.equal(stream.status().chunks_uploaded, 1);
      await nothingLeaked();
    });
  }

  it('an answer without an end is cut off before it fills the memory', async () => {
    let sent = 0;
    let isCut = false;
    service.presign = (response) => {
      const part = Buffer.alloc(2 ** 16, 'x');
      const pour = (): void => {
        while (!response.destroyed && response.write(part)) sent += part.length;
      };
      response.on('drain', pour).on('close', () => {
        isCut = true;
      });
      pour();
    };
    await open();
    assert.match(await waits(), /more than 16777216 bytes/);
    await until(() => isCut, 'the connection to be cut');
    assert.ok(sent < 64e6, `${sent} bytes were taken`);
    service.presign = undefined;
    await ears.status('chunk');
  });

  it('what the service says back of key and signature goes nowhere', async () => {
    service.create = json({ detail: `Invalid key ${KEY}` }, 500);
    const stream = await open();
    assert.match(await waits(), /answered 500 Invalid key \(the key\)/);
    service.create = undefined;
    service.presign = json({ detail: `try ${service.url}/put?X-Amz-Signature=${SIGNATURE}` }, 503);
    await until(() => asked('POST /data_entries') >= 1, 'a try');
    service.presign = json(`${service.url}/put?X-Amz-Signature=${SIGNATURE}`);
    await until(() => asked('POST /data_entries') >= 2, 'another try');
    service.presign = undefined;
    service.put = (response) =>
      response
        .writeHead(403)
        .end(
          `<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><SignatureProvided>${SIGNATURE}</SignatureProvided></Error>`,
        );
    await until(() => asked('PUT') >= 1, 'a PUT');
    service.presign = json({ detail: `chunk refused for ${KEY}` }, 422);
    await ears.status('quarantined');
    assert.match(await everything(), /chunk refused for \(the key\)/);
    assert.equal(stream.status().chunks_pending, 0);
    await nothingLeaked();
  });
});
