/** Each fault does what it says, to the requests it is meant for and to no others. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import {
  announcement,
  encode,
  frames,
  get,
  KEY,
  opening,
  openRheed,
  post,
  presign,
  put,
  shardOf,
} from './helpers.mts';

const SHARD = shardOf(encode(frames(20, 4, 6)));

describe('sandbox: faults', () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await startSandbox();
  });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.close());

  async function announced(): Promise<{ id: string; url: string }> {
    const id = await openRheed(sandbox.url);
    return { id, url: (await presign(sandbox.url, 0, announcement(id))).json[0].url };
  }

  it('down: every call loses its connection, the switches stay reachable', async () => {
    const { url } = await announced();
    sandbox.faults.set('down');
    await assert.rejects(get(sandbox.url, '/tags/'), /ECONNRESET|socket hang up/);
    await assert.rejects(get(sandbox.url, '/gateway/time'), /ECONNRESET|socket hang up/);
    await assert.rejects(put(url, SHARD), /ECONNRESET|EPIPE|socket hang up/);
    assert.equal((await get(sandbox.url, '/sandbox/state')).json.faults[0].name, 'down');
    sandbox.faults.clear('down');
    assert.equal((await get(sandbox.url, '/tags/')).status, 200);
  });

  for (const [name, status] of [
    ['401', 401],
    ['403', 403],
    ['429', 429],
    ['500', 500],
    ['503', 503],
  ] as const) {
    it(`${name}: answers ${status} without effect and without a complaint`, async () => {
      sandbox.faults.set(name);
      const answer = await post(sandbox.url, '/rheed/stream/', opening());
      assert.equal(answer.status, status);
      assert.ok(answer.json.detail);
      assert.deepEqual(sandbox.streams(), []);
      assert.deepEqual(sandbox.complaints, []);
      assert.equal(sandbox.requests.at(-1)?.fault, name);
    });
  }

  it('401 and 403 strike what needs the key, not the clock nor presigned PUTs', async () => {
    const { url } = await announced();
    sandbox.faults.set(401);
    sandbox.faults.set(403);
    assert.equal((await get(sandbox.url, '/gateway/time')).status, 200);
    assert.equal((await put(url, SHARD)).status, 200);
    assert.equal((await get(sandbox.url, '/tags/')).status, 401);
  });

  it('429 carries Retry-After', async () => {
    sandbox.faults.set('429', { retryAfter: 7 });
    assert.equal((await get(sandbox.url, '/tags/')).headers['retry-after'], '7');
  });

  it('500 on a presigned PUT is XML as of S3, and nothing is stored', async () => {
    const { id, url } = await announced();
    sandbox.faults.set(500);
    const answer = await put(url, SHARD);
    assert.equal(answer.status, 500);
    assert.match(answer.text, /<Code>InternalError<\/Code>/);
    assert.equal(sandbox.stream(id)?.chunk_count, 0);
  });

  it('expired and s3RequestTimeout strike presigned PUTs alone', async () => {
    const { id, url } = await announced();
    sandbox.faults.set('expired', { count: 1 });
    sandbox.faults.set('s3RequestTimeout', { count: 1 });
    assert.equal((await get(sandbox.url, '/tags/')).status, 200);
    const expired = await put(url, SHARD);
    assert.equal(expired.status, 403);
    assert.match(expired.text, /<Code>AccessDenied<\/Code><Message>Request has expired/);
    const timeout = await put(url, SHARD);
    assert.equal(timeout.status, 400);
    assert.match(timeout.text, /<Code>RequestTimeout<\/Code>/);
    assert.equal((await put(url, SHARD)).status, 200);
    assert.equal(sandbox.stream(id)?.chunk_count, 1);
    assert.deepEqual(sandbox.complaints, []);
  });

  it('hold: a chunk taken up after the end of its stream is a breach, unless its client has gone', async () => {
    for (const hasGone of [true, false]) {
      const id = await openRheed(sandbox.url);
      const client = new AbortController();
      sandbox.faults.set('hold', { count: 1 });
      const filename = encodeURIComponent('frames.zarr/frames/c/0/0/0');
      const query = `?original_filename=${filename}&num_parts=1&staging_type=stream`;
      const sent = fetch(`${sandbox.url}/data_entries/raw_data/staged/upload_urls/${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...KEY },
        body: JSON.stringify(announcement(id)),
        signal: client.signal,
      }).catch(() => undefined);
      while (sandbox.faults.held === 0) await sleep(5);
      const held = sandbox.requests.at(-1);
      assert.equal((await post(sandbox.url, `/rheed/stream/${id}/end`)).status, 200);
      if (hasGone) client.abort();
      if (hasGone) await sleep(50);
      sandbox.faults.clear();
      assert.equal((await sent)?.status, hasGone ? undefined : 409);
      while (held?.refusal === undefined) await sleep(5);
      assert.equal(sandbox.complaints.length, hasGone ? 0 : 1);
    }
  });

  it('reset-before: the connection breaks and nothing happened', async () => {
    sandbox.faults.set('reset-before');
    await assert.rejects(post(sandbox.url, '/rheed/stream/', opening()), /ECONNRESET|socket hang up/);
    assert.deepEqual(sandbox.streams(), []);
    assert.deepEqual(sandbox.requests.at(-1)?.body, opening());
    assert.equal(sandbox.requests.at(-1)?.status, null);
  });

  it('reset-after: the connection breaks though it happened', async () => {
    const { id, url } = await announced();
    sandbox.faults.set('reset-after');
    await assert.rejects(put(url, SHARD), /ECONNRESET|socket hang up/);
    assert.equal(sandbox.stream(id)?.chunk_count, 1);
    assert.equal(sandbox.requests.at(-1)?.status, null);
    assert.equal(sandbox.requests.at(-1)?.fault, 'reset-after');
  });

  it('hold: requests wait, those held alone, until released', async () => {
    sandbox.faults.set('hold', { count: 1, match: 'POST /rheed/stream/' });
    const held = post(sandbox.url, '/rheed/stream/', opening({ data_item_name: 'held' }));
    while (sandbox.faults.held === 0) await sleep(5);
    await post(sandbox.url, '/rheed/stream/', opening({ data_item_name: 'free' }));
    assert.deepEqual(
      sandbox.streams().map((stream) => stream.name),
      ['free'],
    );
    sandbox.faults.release();
    assert.equal((await held).status, 200);
    assert.deepEqual(
      sandbox.streams().map((stream) => stream.name),
      ['held', 'free'],
    );
  });

  it('slow: the answer comes after the others, its effect before', async () => {
    sandbox.faults.set('slow', { count: 1, match: '/rheed/stream/', delayMs: 300 });
    const order: string[] = [];
    const slow = post(sandbox.url, '/rheed/stream/', opening()).then(() => order.push('slow'));
    while (sandbox.streams().length === 0) await sleep(5);
    await get(sandbox.url, '/tags/').then(() => order.push('tags'));
    await slow;
    assert.deepEqual(order, ['tags', 'slow']);
  });

  it('closing the sandbox ends requests on hold and slow answers', async () => {
    const other = await startSandbox();
    other.faults.set('hold', { match: '/tags/' });
    other.faults.set('slow', { match: '/projects/', delayMs: 600_000 });
    const pending = Promise.allSettled([get(other.url, '/tags/'), get(other.url, '/projects/')]);
    while (other.requests.length < 2 || other.faults.held === 0) await sleep(5);
    await other.close();
    await pending;
  });

  it('count: strikes so many requests; match: only those calls', async () => {
    sandbox.faults.set(503, { count: 2, match: 'GET /tags' });
    const seen = [];
    for (const path of ['/tags/', '/projects/', '/tags/', '/tags/']) {
      seen.push((await get(sandbox.url, path)).status);
    }
    assert.deepEqual(seen, [503, 200, 503, 200]);
    assert.deepEqual(sandbox.faults.list(), []);
  });

  it('closeStream: stream_error, no more chunks; no end either', async () => {
    const { id, url } = await announced();
    sandbox.faults.closeStream(id);
    const [entry] = (await get(sandbox.url, `/data_entries/?data_ids=${id}`)).json;
    assert.equal(entry.pipeline_status, 'stream_error');
    assert.equal((await presign(sandbox.url, 0, announcement(id))).status, 409);
    assert.equal((await put(url, SHARD)).status, 403);
    assert.equal((await post(sandbox.url, `/rheed/stream/${id}/end`)).status, 409);
    assert.deepEqual(sandbox.complaints, []);
  });

  it('a stream that stays silent for too long is closed', async () => {
    const other = await startSandbox({ silenceLimitMs: 50 });
    try {
      const id = await openRheed(other.url);
      while (other.stream(id)?.pipeline_status === 'stream_active') await sleep(10);
      assert.equal(other.stream(id)?.pipeline_status, 'stream_error');
    } finally {
      await other.close();
    }
  });

  it('a presigned URL runs out', async () => {
    const other = await startSandbox({ urlLifetimeMs: 1 });
    try {
      const id = await openRheed(other.url);
      const { url } = (await presign(other.url, 0, announcement(id))).json[0];
      await sleep(10);
      const answer = await put(url, SHARD);
      assert.equal(answer.status, 403);
      assert.match(answer.text, /Request has expired/);
      assert.deepEqual(other.complaints, []);
    } finally {
      await other.close();
    }
  });

  it('over HTTP: set, list, clear, release, close a stream', async () => {
    const set = await post(sandbox.url, '/sandbox/faults', { set: '503', count: 3, match: '/tags/' });
    assert.equal(set.status, 200);
    assert.equal((await get(sandbox.url, '/tags/')).status, 503);
    const listed = (await get(sandbox.url, '/sandbox/faults')).json;
    assert.deepEqual(
      [listed.active[0].name, listed.active[0].remaining, listed.active[0].hits],
      ['503', 2, 1],
    );
    await post(sandbox.url, '/sandbox/faults', { clear: 'all' });
    assert.equal((await get(sandbox.url, '/tags/')).status, 200);
    const id = await openRheed(sandbox.url);
    await post(sandbox.url, '/sandbox/faults', { closeStream: id });
    assert.equal(sandbox.stream(id)?.pipeline_status, 'stream_error');
    assert.equal((await post(sandbox.url, '/sandbox/faults', { set: 'nonsense' })).status, 422);
    assert.deepEqual(sandbox.complaints, []);
  });

  it('an unknown fault or count is refused where it is set', () => {
    assert.throws(() => sandbox.faults.set('nonsense' as never), /expected one of down, hold/);
    assert.throws(() => sandbox.faults.set('down', { count: 0 }), /count/);
  });

  it('the clock runs ahead as asked', async () => {
    const other = await startSandbox({ clockOffsetMs: 5_000_000 });
    try {
      const before = Date.now();
      const { receivedAtUnixMs, transmittedAtUnixMs } = (await get(other.url, '/gateway/time', {})).json;
      assert.ok(receivedAtUnixMs >= before + 5_000_000 && transmittedAtUnixMs <= Date.now() + 5_000_000);
    } finally {
      await other.close();
    }
  });

  it('requests over HTTP show no key', async () => {
    await get(sandbox.url, '/tags/', { 'x-api-key': 'very-secret' });
    assert.equal(sandbox.requests.at(-1)?.headers['x-api-key'], 'very-secret');
    const answer = await get(sandbox.url, '/sandbox/requests', KEY);
    assert.equal(answer.json.at(-1).path, '/tags/');
    assert.doesNotMatch(answer.text, /very-secret/);
  });

  it('events: a change is told', async () => {
    const abort = new AbortController();
    const response = await fetch(`${sandbox.url}/sandbox/events`, { signal: abort.signal });
    const reader = response.body?.getReader();
    let text = '';
    await openRheed(sandbox.url, { data_item_name: 'seen live' });
    while (!text.includes('seen live')) text += new TextDecoder().decode((await reader?.read())?.value);
    abort.abort();
    assert.match(text, /^data: \{/);
  });
});
