/** What the official client sent is accepted word by word, and what it sent is what is stored. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import type { FrameChunk } from '../../sandbox/types.mts';
import { call, type GoldenRequest, golden, goldenRequests } from './helpers.mts';

/** Replays a recording; ids made by the recording server become those that the sandbox gives. */
async function replay(sandbox: Sandbox, scenario: string): Promise<string> {
  const ids = new Map<string, string>();
  const uploadUrls = new Map<string, string>();
  const mapped = (text: string) => [...ids].reduce((result, [from, to]) => result.replaceAll(from, to), text);
  const recorded = goldenRequests(scenario);
  let dataId = '';
  for (const [at, request] of recorded.entries()) {
    const path = mapped(request.path);
    const isUpload = request.method === 'PUT';
    const chunk = path.match(/frames\/c\/(\d+)/)?.[1];
    const url = isUpload ? (uploadUrls.get(path) ?? '') : sandbox.url + path + request.query;
    const body = isUpload
      ? golden(scenario, `shard-${chunk}.bin`)
      : request.body && mapped(JSON.stringify(request.body));
    const { 'content-length': _, ...headers } = request.headers;
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const answer = await call(url, request.method, { ...headers, ...length }, body);
    assert.equal(answer.status, request.status, `${request.method} ${path}: ${answer.text}`);
    if (Array.isArray(answer.json) && answer.json[0]?.url) {
      uploadUrls.set(new URL(answer.json[0].url).pathname, answer.json[0].url);
    }
    const made = typeof answer.json === 'string' ? answer.json : (answer.json?.data_id ?? answer.json?.id);
    if (made !== undefined && /stream\/$|initialize$/.test(path)) dataId = made;
    const before = nextId(recorded.slice(at + 1), path);
    if (before !== undefined && made !== undefined) ids.set(before, made);
  }
  return dataId;
}

/** The id that the recording server gave to what this call made, as later calls name it. */
function nextId(later: GoldenRequest[], path: string): string | undefined {
  const field = (name: string) => later.map(({ body }) => body?.[name]).find((value) => value !== undefined);
  if (path === '/physical_samples/') return field('physical_sample_id') as string | undefined;
  if (path === '/tags/') return (field('tag_ids') as string[] | undefined)?.at(-1);
  const text = JSON.stringify(later.map(({ path, body }) => [path, body?.data_id]));
  return text.match(/(?:stream\/|\/s3\/)([0-9a-f-]{36})/)?.[1];
}

describe('sandbox: golden recordings', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox();
  });
  afterEach(() => sandbox.close());

  for (const scenario of ['rheed-parked', 'rheed-rotating-run', 'rheed-clock-offset']) {
    it(`${scenario}: accepted, every frame as it was sent`, async () => {
      const dataId = await replay(sandbox, scenario);
      assert.deepEqual(sandbox.complaints, []);
      const state = sandbox.stream(dataId);
      const files = readdirSync(new URL(`../fixtures/golden/${scenario}/`, import.meta.url));
      const pushes = files.filter((file) => file.endsWith('.u8')).sort();
      assert.equal(state?.chunk_count, pushes.length);
      for (const [index, file] of pushes.entries()) {
        const stored = await sandbox.readFrames(dataId, index);
        assert.ok(Buffer.from(stored).equals(golden(scenario, file)), `chunk ${index} differs from ${file}`);
      }
      assert.match(state?.pipeline_status ?? '', /stream_finalizing|finished/);
    });
  }

  it('rheed-parked: sample, project, tags and stamps are kept', async () => {
    const state = sandbox.stream(await replay(sandbox, 'rheed-parked'));
    assert.equal(state?.name, 'Growth run 42');
    assert.equal(state?.sample?.name, 'GaN-001');
    assert.equal(state?.project?.name, 'Sandbox project');
    assert.deepEqual(
      state?.tags.map((tag) => tag.name),
      ['golden', 'new tag'],
    );
    assert.equal(state?.azimuth, '100');
    const chunks = state?.chunks as FrameChunk[];
    assert.deepEqual(
      chunks.map(({ n, start_ms, end_ms }) => [n, start_ms, end_ms]),
      [
        [20, 1_700_000_000_000, 1_700_000_002_000],
        [20, 1_700_000_002_000, 1_700_000_004_000],
        [7, 1_700_000_004_000, 1_700_000_004_700],
      ],
    );
  });

  it('rheed-clock-offset: the correction is kept with the chunk', async () => {
    const state = sandbox.stream(await replay(sandbox, 'rheed-clock-offset'));
    assert.deepEqual((state?.chunks[0] as FrameChunk | undefined)?.clock, {
      offset_ms: 5000,
      uncertainty_ms: 0.9,
    });
  });

  it('timeseries: every point as it was sent, with a warning where time axes differ', async () => {
    const dataId = await replay(sandbox, 'timeseries');
    assert.deepEqual(sandbox.complaints, []);
    assert.deepEqual(await sandbox.readPoints(dataId), {
      temperature: {
        units: 'C',
        chunks: [0, 0, 1],
        timestamps: [1700000000, 1700000000.1, 1700000000.2],
        values: [25, 25.1, 25.25],
      },
      rate: {
        units: 'nm/s',
        chunks: [0, 1, 2],
        timestamps: [1700000001, 1700000002, 1700000003],
        values: [0, 1, 2],
      },
      pressure: { units: null, chunks: [1], timestamps: [1700000000.2], values: [1e-9] },
    });
    assert.equal(sandbox.stream(dataId)?.warnings.length, 2);
  });

  it('timeseries-defaults: accepted', async () => {
    const dataId = await replay(sandbox, 'timeseries-defaults');
    assert.deepEqual(sandbox.complaints, []);
    assert.equal(sandbox.stream(dataId)?.points_per_chunk, 100);
  });
});
