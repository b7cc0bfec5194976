/** Each rule of the protocol refuses what breaks it, in words, and complains. */
import assert from 'node:assert/strict';
import { constants, zstdCompressSync } from 'node:zlib';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import {
  type Answer,
  announcement,
  call,
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

const UNKNOWN = '99999999-9999-4999-8999-999999999999';
const SAMPLE = '11111111-1111-4111-8111-111111111111';
const PROJECT = '33333333-3333-4333-8333-333333333333';
const TAG = '22222222-2222-4222-8222-222222222222';

describe('sandbox: strictness', () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await startSandbox({ apiKey: 'test-key' });
  });
  beforeEach(() => sandbox.reset());
  after(() => sandbox.close());

  /** Refused with this status, in these words, and complained about. */
  function refused(answer: Answer, status: number, words: RegExp): void {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, words);
    assert.equal(sandbox.complaints.length, 1, sandbox.complaints.join('\n'));
    assert.match(sandbox.complaints[0] ?? '', words);
    assert.equal(sandbox.requests.at(-1)?.status, status);
  }

  /** A correct answer that is no success: no complaint. */
  function answered(answer: Answer, status: number, words: RegExp): void {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, words);
    assert.deepEqual(sandbox.complaints, []);
  }

  describe('calls', () => {
    it('a call without a key: 401', async () =>
      refused(await get(sandbox.url, '/tags/', {}), 401, /X-API-KEY/));
    it('a wrong key: 401', async () =>
      answered(await get(sandbox.url, '/tags/', { 'x-api-key': 'other' }), 401, /Invalid API key/));
    it('the clock needs no key', async () =>
      answered(await get(sandbox.url, '/gateway/time', {}), 200, /receivedAt/));
    it('a missing trailing slash: 404', async () =>
      refused(await get(sandbox.url, '/tags'), 404, /trailing slash/));
    it('an extra trailing slash: 404', async () =>
      refused(await get(sandbox.url, '/instruments/synthesis/'), 404, /trailing slash/));
    it('a body that is not JSON: 422', async () => {
      const headers = { ...KEY, 'content-type': 'application/json' };
      refused(await call(`${sandbox.url}/tags/`, 'POST', headers, '{"name":'), 422, /JSON decode error/);
    });
    it('another content type: 422', async () => {
      const headers = { ...KEY, 'content-type': 'text/plain' };
      refused(await call(`${sandbox.url}/tags/`, 'POST', headers, '{"name":"x"}'), 422, /application\/json/);
    });
    it('no body: 422', async () => refused(await post(sandbox.url, '/tags/'), 422, /body/));
  });

  describe('samples, projects and tags', () => {
    it('a sample name taken, whatever its case: 409 with its id', async () => {
      const answer = await post(sandbox.url, '/physical_samples/', { name: ' gan-001 ' });
      answered(answer, 409, /exists/);
      assert.equal(answer.json.detail.physical_sample_id, SAMPLE);
    });
    it('a tag taken: 400', async () =>
      answered(await post(sandbox.url, '/tags/', { name: 'GOLDEN' }), 400, /exists/));
    it('an empty name: 422', async () =>
      refused(await post(sandbox.url, '/tags/', { name: ' ' }), 422, /name/));

    const links = [
      ['/data_entries/physical_sample', { physical_sample_id: UNKNOWN }, /sample/],
      ['/tags/data-items/', { tag_ids: [TAG, UNKNOWN] }, /tag/],
    ] as const;
    for (const [path, body, words] of links) {
      it(`${path}: an unknown id is 404`, async () => {
        const id = await openRheed(sandbox.url);
        answered(await post(sandbox.url, path, { data_ids: [id], ...body }), 404, words);
      });
    }
    it('a link to an unknown stream: 404', async () =>
      refused(
        await post(sandbox.url, '/tags/data-items/', { data_ids: [UNKNOWN], tag_ids: [TAG] }),
        404,
        /no stream/,
      ));
    it('an unknown project: 404', async () => {
      const body = { physical_sample_id: SAMPLE, set_active: true };
      const path = `/projects/${UNKNOWN}/configuration/tracking_samples`;
      answered(await post(sandbox.url, path, body), 404, /project/);
    });
    it('a tracking sample that is not set active: 422', async () => {
      const body = { physical_sample_id: SAMPLE, set_active: false };
      const path = `/projects/${PROJECT}/configuration/tracking_samples`;
      refused(await post(sandbox.url, path, body), 422, /set_active/);
    });
  });

  describe('opening a RHEED stream', () => {
    const wrong: [string, Record<string, unknown>, RegExp][] = [
      ['fps 0', { fps_capture_rate: 0 }, /fps_capture_rate: must be > 0, got 0/],
      ['fps above 120', { fps_capture_rate: 120.5 }, /fps_capture_rate: must be <= 120, got 120\.5/],
      ['fps as a string', { fps_capture_rate: '10' }, /fps_capture_rate: must be number/],
      ['a negative rotation', { rotations_per_min: -1 }, /rotations_per_min/],
      [
        'a period without rotation',
        { rotational_period: 40 },
        /rotational_period: expected fps·60\/rpm = null, got 40/,
      ],
      ['no period with rotation', { rotations_per_min: 15 }, /expected fps·60\/rpm = 40, got null/],
      ['a wrong period', { rotations_per_min: 15, rotational_period: 4 }, /expected fps·60\/rpm = 40, got 4/],
      [
        'an azimuth with rotation',
        { rotations_per_min: 15, rotational_period: 40, azimuth_label: '100' },
        /azimuth/,
      ],
      ['an unknown field', { chunk_size: 20 }, /chunk_size: Extra inputs are not permitted/],
      ['a project that is no UUID', { project_id: 'p' }, /project_id/],
      ['a null project', { project_id: null }, /project_id/],
      ['no name', { data_item_name: undefined }, /data_item_name: Field required/],
    ];
    for (const [what, overrides, words] of wrong) {
      it(`${what}: 422`, async () => {
        const answer = await post(sandbox.url, '/rheed/stream/', opening(overrides));
        assert.ok(Array.isArray(answer.json.detail), 'detail is a list as FastAPI gives it');
        assert.deepEqual(Object.keys(answer.json.detail[0]).sort(), ['loc', 'msg', 'type']);
        const words422 = answer.json.detail.map(
          (one: { loc: string[]; msg: string }) => `${one.loc.join('.')}: ${one.msg}`,
        );
        assert.match(words422.join('; '), words);
        assert.equal(answer.status, 422);
        assert.match(sandbox.complaints.join(), words);
        assert.deepEqual(sandbox.streams(), []);
      });
    }
    it('an unknown project: 404', async () =>
      answered(await post(sandbox.url, '/rheed/stream/', opening({ project_id: UNKNOWN })), 404, /project/));
  });

  describe('presign', () => {
    const wrong: [string, Record<string, unknown>, RegExp][] = [
      ['a number instead of a string', { chunk_size: 20 }, /chunk_size/],
      ['a float without its point', { raw_frame_rate: '10' }, /raw_frame_rate/],
      ['another frame rate', { raw_frame_rate: '12.0' }, /expected the stream's 10 fps, got 12\.0/],
      ['is_rotating on a parked stream', { is_rotating: '1' }, /is_rotating/],
      ['too small a chunk size', { chunk_size: '19', dims: '19,4,6' }, /ceil\(2·fps\) = 20, got 19/],
      ['more frames than the chunk size', { dims: '21,4,6' }, /at most chunk_size = 20 frames, got 21/],
      ['dims of two numbers', { dims: '20,24' }, /dims/],
      ['no frames', { dims: '0,4,6' }, /dims/],
      [
        'a wrong end',
        { end_unix_ms_utc: '1700000002001' },
        /trunc\(n\/fps·1000\) = 1700000002000, got 1700000002001/,
      ],
      ['a fractional start', { start_unix_ms_utc: '1700000000000.5' }, /start_unix_ms_utc/],
      ['an offset without uncertainty', { clock_offset_ms: '3' }, /together/],
      [
        'an uncertainty with two decimals',
        { clock_offset_ms: '3', clock_uncertainty_ms: '0.25' },
        /uncertainty/,
      ],
      ['an unknown field', { compression: 'zstd' }, /Extra inputs/],
      ['another data_stream', { data_stream: 'xrd' }, /data_stream/],
    ];
    for (const [what, overrides, words] of wrong) {
      it(`${what}: 422`, async () => {
        const id = await openRheed(sandbox.url);
        refused(await presign(sandbox.url, 0, announcement(id, overrides)), 422, words);
        assert.equal(sandbox.stream(id)?.complaints.length, 1, 'the complaint is on the stream, too');
      });
    }
    it('another frame size in a later chunk: 422', async () => {
      const id = await openRheed(sandbox.url);
      assert.equal((await presign(sandbox.url, 0, announcement(id))).status, 200);
      refused(await presign(sandbox.url, 1, announcement(id, { dims: '20,6,4' })), 422, /4x6 .*got 6x4/);
    });
    it('another chunk size in a later chunk: 422', async () => {
      const id = await openRheed(sandbox.url);
      await presign(sandbox.url, 0, announcement(id));
      refused(
        await presign(sandbox.url, 1, announcement(id, { chunk_size: '21' })),
        422,
        /expected 20 .*got 21/,
      );
    });
    it('another file name: 422', async () => {
      const id = await openRheed(sandbox.url);
      refused(await presign(sandbox.url, '00', announcement(id)), 422, /original_filename/);
    });
    it('an unknown stream: 404', async () =>
      refused(await presign(sandbox.url, 0, announcement(UNKNOWN)), 404, /no stream/));
    it('an ended stream: 409', async () => {
      const id = await openRheed(sandbox.url);
      assert.equal((await post(sandbox.url, `/rheed/stream/${id}/end`)).status, 200);
      refused(await presign(sandbox.url, 0, announcement(id)), 409, /has ended/);
    });
  });

  describe('uploading', () => {
    let id: string;
    let url: string;
    const pixels = frames(20, 4, 6);
    const good = shardOf(encode(pixels));
    beforeEach(async () => {
      id = await openRheed(sandbox.url);
      url = (await presign(sandbox.url, 0, announcement(id))).json[0].url;
    });

    it('a shard as announced is stored', async () => {
      answered(await put(url, good), 200, /^$/);
      assert.deepEqual(Buffer.from(await sandbox.readFrames(id, 0)), Buffer.concat(pixels));
    });
    it('a key: 400', async () => refused(await put(url, good, KEY), 400, /no X-API-KEY/));
    it('a content type: 400', async () =>
      refused(
        await put(url, good, { 'content-type': 'application/octet-stream' }),
        400,
        /empty content-type/,
      ));
    it('a JSON content type: 400', async () =>
      refused(await put(url, good, { 'content-type': 'application/json' }), 400, /empty content-type/));
    it('a changed signature: 403', async () =>
      refused(await put(url.replace(/sig=./, 'sig=!'), good), 403, /exactly as it was handed out/));
    it('the URL of another chunk: 403', async () =>
      refused(await put(url.replace('/c/0/', '/c/1/'), good), 403, /exactly as it was handed out/));
    it('after the end: 403', async () => {
      await post(sandbox.url, `/rheed/stream/${id}/end`);
      refused(await put(url, good), 403, /before the end/);
    });

    const encoded = encode(pixels);
    const flipped = Buffer.from(good);
    flipped.writeUInt8(flipped.readUInt8(flipped.length - 1) ^ 1, flipped.length - 1);
    const bodies: [string, Buffer, RegExp][] = [
      ['an empty body', Buffer.alloc(0), /at least 324 bytes/],
      ['a wrong crc32c', flipped, /crc32c/],
      ['a frame missing', shardOf(encoded.slice(0, 19)), /crc32c/],
      ['garbage after the index', Buffer.concat([good, Buffer.from('x')]), /crc32c/],
      ['garbage before the index', withGap(encoded), /index right after the last frame/],
      [
        'garbage after a frame',
        shardOf([Buffer.concat([encoded[0] as Uint8Array, Buffer.from('xyz')]), ...encoded.slice(1)]),
        /frame 0: 3 bytes of garbage/,
      ],
      [
        'two zstd frames in one entry',
        shardOf([Buffer.concat([encoded[0] as Uint8Array, encoded[1] as Uint8Array]), ...encoded.slice(1)]),
        /frame 0: \d+ bytes of garbage/,
      ],
      [
        'a frame of another size',
        shardOf([...encode(frames(1, 4, 7)), ...encoded.slice(1)]),
        /frame 0: .*24 bytes, got 28/,
      ],
      [
        'a frame that is not zstd',
        shardOf([pixels[0] as Uint8Array, ...encoded.slice(1)]),
        /frame 0: expected a zstd frame/,
      ],
      [
        'a frame cut short',
        shardOf([...encoded.slice(0, 19), (encoded[19] as Uint8Array).subarray(0, -2)]),
        /frame 19: the zstd frame is cut short/,
      ],
      [
        'a checksummed frame',
        shardOf([
          zstdCompressSync(pixels[0] as Uint8Array, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
          ...encoded.slice(1),
        ]),
        /without checksum/,
      ],
    ];
    for (const [what, body, words] of bodies) {
      it(`${what}: 400`, async () => {
        refused(await put(url, body), 400, words);
        assert.equal(sandbox.stream(id)?.chunk_count, 0);
      });
    }
  });

  describe('ending', () => {
    it('a body: 422', async () => {
      const id = await openRheed(sandbox.url);
      refused(await post(sandbox.url, `/rheed/stream/${id}/end`, {}), 422, /no body/);
    });
    it('an unknown stream: 404', async () =>
      refused(await post(sandbox.url, `/rheed/stream/${UNKNOWN}/end`), 404, /no stream/));
    it('the other kind of stream: 404', async () => {
      const id = await openRheed(sandbox.url);
      refused(await post(sandbox.url, `/tool-state/stream/${id}/finalize`), 404, /RHEED stream/);
    });
    it('a second end: 409', async () => {
      const id = await openRheed(sandbox.url);
      await post(sandbox.url, `/rheed/stream/${id}/end`);
      answered(await post(sandbox.url, `/rheed/stream/${id}/end`), 409, /ended already/);
    });
  });

  describe('timeseries', () => {
    const INITIALIZE = '/tool-state/stream/initialize';
    const CHUNK = '/tool-state/stream/chunk';
    const MULTI = '/tool-state/stream/chunk/multi';
    const start = { stream_name: null, points_per_chunk: 3, project_id: null };
    const openTimeseries = async () => (await post(sandbox.url, INITIALIZE, start)).json.data_id as string;

    it('no points_per_chunk: 422', async () =>
      refused(
        await post(sandbox.url, INITIALIZE, { stream_name: null, project_id: null }),
        422,
        /points_per_chunk/,
      ));
    it('an unknown instrument: 422', async () =>
      refused(await post(sandbox.url, INITIALIZE, { ...start, synth_source_id: 7 }), 422, /instrument/));

    const wrong: [string, Record<string, unknown>, RegExp][] = [
      ['an empty channel name', { channel_name: '' }, /channel_name/],
      ['a channel name of 256 characters', { channel_name: 'x'.repeat(256) }, /channel_name/],
      ['unequal lengths', { values: [1] }, /expected 2 values/],
      ['no rows', { timestamps: [], values: [] }, /timestamps/],
      [
        'more rows than points_per_chunk',
        { timestamps: [1, 2, 3, 4], values: [1, 2, 3, 4] },
        /points_per_chunk = 3/,
      ],
      ['a null timestamp', { timestamps: [1, null] }, /timestamps/],
      ['a timestamp in milliseconds', { timestamps: [1, 1_700_000_000_000] }, /Unix seconds/],
      ['a string value', { values: ['1', 2] }, /values/],
      ['a negative index', { chunk_index: -1 }, /chunk_index/],
      ['null units', { units: null }, /units/],
    ];
    for (const [what, overrides, words] of wrong) {
      it(`${what}: 422`, async () => {
        const body = {
          data_id: await openTimeseries(),
          chunk_index: 0,
          channel_name: 'T',
          timestamps: [1, 2],
          values: [3, null],
        };
        refused(await post(sandbox.url, CHUNK, { ...body, ...overrides }), 422, words);
      });
    }
    it('a value that is not finite: 422', async () => {
      const id = await openTimeseries();
      const text = `{"data_id":"${id}","chunk_index":0,"channel_name":"T","timestamps":[1],"values":[1e999]}`;
      const headers = { ...KEY, 'content-type': 'application/json' };
      refused(await call(sandbox.url + CHUNK, 'POST', headers, text), 422, /values/);
    });
    it('channels with different timestamps in one request: 422', async () => {
      const channels = { a: { timestamps: [1], values: [1] }, b: { timestamps: [2], values: [1] } };
      const body = { data_id: await openTimeseries(), chunk_index: 0, channels };
      refused(await post(sandbox.url, MULTI, body), 422, /same timestamps as a/);
    });
    it('a request without channels: 422', async () =>
      refused(
        await post(sandbox.url, MULTI, { data_id: await openTimeseries(), chunk_index: 0, channels: {} }),
        422,
        /channels/,
      ));
    it('an unknown stream: 404', async () => {
      const body = { data_id: UNKNOWN, chunk_index: 0, channel_name: 'T', timestamps: [1], values: [1] };
      refused(await post(sandbox.url, CHUNK, body), 404, /no stream/);
    });
    it('an ended stream: 409', async () => {
      const id = await openTimeseries();
      await post(sandbox.url, `/tool-state/stream/${id}/finalize`);
      const body = { data_id: id, chunk_index: 0, channel_name: 'T', timestamps: [1], values: [1] };
      refused(await post(sandbox.url, CHUNK, body), 409, /has ended/);
    });
  });
});

/** A shard with three bytes between its last frame and its index. */
function withGap(encoded: Uint8Array[]): Buffer {
  const shard = shardOf(encoded);
  const start = shard.length - (encoded.length * 16 + 4);
  return Buffer.concat([shard.subarray(0, start), Buffer.from('gap'), shard.subarray(start)]);
}
