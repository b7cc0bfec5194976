/** What arrives is on disk as one Zarr array or as fixed positions, is replaced by a repeat, and outlives the process. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { readIndex } from '../../sandbox/shards/shard.mts';
import type { FrameChunk } from '../../sandbox/types.mts';
import { python } from '../helpers/python.mts';
import { announcement, encode, frames, get, openRheed, post, presign, put, shardOf } from './helpers.mts';

describe('sandbox: store', () => {
  let folder: string;
  let sandbox: Sandbox;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sandbox-store-'));
    sandbox = await startSandbox({ folder });
  });
  afterEach(async () => {
    await sandbox.close();
    rmSync(folder, { recursive: true });
  });

  async function send(id: string, index: number, pixels: Uint8Array[], height = 4, width = 6): Promise<void> {
    const n = pixels.length;
    const start = 1_700_000_000_000 + index * 2000;
    const body = announcement(id, {
      dims: `${n},${height},${width}`,
      start_unix_ms_utc: String(start),
      end_unix_ms_utc: String(start + n * 100),
    });
    const [{ url }] = (await presign(sandbox.url, index, body)).json;
    assert.equal((await put(url, shardOf(encode(pixels)))).status, 200);
  }

  const shardPath = (id: string, index: number) =>
    join(folder, id, 'frames.zarr', 'frames', 'c', `${index}`, '0', '0');

  it('a short chunk in the middle is padded with absent frames; a missing chunk is named', async () => {
    const id = await openRheed(sandbox.url);
    await send(id, 0, frames(20, 4, 6, 0));
    await send(id, 1, frames(5, 4, 6, 1));
    await send(id, 4, frames(7, 4, 6, 4));
    const metadata = JSON.parse(readFileSync(join(folder, id, 'frames.zarr', 'frames', 'zarr.json'), 'utf8'));
    assert.deepEqual(metadata.shape, [87, 4, 6]);
    assert.deepEqual(metadata.chunk_grid.configuration.chunk_shape, [20, 4, 6]);
    const index = readIndex(readFileSync(shardPath(id, 1)), 20);
    assert.deepEqual(
      index.map((entry) => entry !== null),
      Array.from({ length: 20 }, (_, frame) => frame < 5),
    );
    const state = sandbox.stream(id);
    assert.equal(state?.frames, 32);
    assert.deepEqual(state?.missing, [[2, 3]]);
    assert.deepEqual(
      (state?.chunks as FrameChunk[] | undefined)?.map(({ index, n }) => [index, n]),
      [
        [0, 20],
        [1, 5],
        [4, 7],
      ],
    );
    assert.deepEqual(Buffer.from(await sandbox.readFrames(id, 4)), Buffer.concat(frames(7, 4, 6, 4)));
  });

  it('a chunk sent again replaces the former and is counted once', async () => {
    const id = await openRheed(sandbox.url);
    await send(id, 0, frames(20, 4, 6, 0));
    await send(id, 0, frames(20, 4, 6, 9));
    assert.equal(sandbox.stream(id)?.frames, 20);
    assert.equal((sandbox.stream(id)?.chunks[0] as FrameChunk | undefined)?.uploads, 2);
    assert.deepEqual(Buffer.from(await sandbox.readFrames(id, 0)), Buffer.concat(frames(20, 4, 6, 9)));
  });

  it('frames and intensities are given over HTTP', async () => {
    const id = await openRheed(sandbox.url);
    const pixels = frames(20, 4, 6, 3);
    await send(id, 0, pixels);
    const frame = await fetch(`${sandbox.url}/sandbox/streams/${id}/frames/7`);
    assert.deepEqual([frame.headers.get('x-height'), frame.headers.get('x-width')], ['4', '6']);
    assert.deepEqual(new Uint8Array(await frame.arrayBuffer()), pixels[7]);
    const latest = await fetch(`${sandbox.url}/sandbox/streams/${id}/frames/latest`);
    assert.deepEqual(new Uint8Array(await latest.arrayBuffer()), pixels[19]);
    const some = await fetch(`${sandbox.url}/sandbox/streams/${id}/chunks/0?every=8`);
    const expected = Buffer.concat([0, 8, 16].map((at) => pixels[at] as Uint8Array));
    assert.deepEqual(Buffer.from(await some.arrayBuffer()), expected);
    assert.equal((await fetch(`${sandbox.url}/sandbox/streams/${id}/frames/20`)).status, 404);

    const mean = (frame: Uint8Array) => frame.reduce((sum, value) => sum + value, 0) / frame.length;
    const intensity = (await get(sandbox.url, `/sandbox/streams/${id}/intensity`)).json;
    assert.deepEqual(
      intensity.mean,
      pixels.map((frame) => Math.round(mean(frame) * 1000) / 1000),
    );
    assert.deepEqual(intensity.time_ms.slice(0, 2), [1_700_000_000_000, 1_700_000_000_100]);
  });

  it('the spot can be moved, its intensity is taken again', async () => {
    const id = await openRheed(sandbox.url);
    const pixels = frames(20, 4, 6, 3);
    await send(id, 0, pixels);
    const answer = await post(sandbox.url, `/sandbox/streams/${id}/roi`, { x: 5, y: 3, width: 9, height: 9 });
    assert.deepEqual(answer.json.roi, { x: 5, y: 3, width: 1, height: 1 });
    const intensity = (await get(sandbox.url, `/sandbox/streams/${id}/intensity`)).json;
    assert.deepEqual(
      intensity.spot,
      pixels.map((frame) => frame[23]),
    );
  });

  it('timeseries slices are replaced and keep their position', async () => {
    const start = { stream_name: 'T', points_per_chunk: 3, project_id: null };
    const id = (await post(sandbox.url, '/tool-state/stream/initialize', start)).json.data_id;
    const chunk = (index: number, timestamps: number[], values: (number | null)[]) =>
      post(sandbox.url, '/tool-state/stream/chunk/multi', {
        data_id: id,
        chunk_index: index,
        channels: { T: { timestamps, values, units: 'C' }, p: { timestamps, values } },
      });
    await chunk(2, [7], [70]);
    await chunk(0, [1], [10]);
    const answer = await chunk(0, [1, 2], [10, null]);
    assert.deepEqual(answer.json, [
      { data_id: id, channel_name: 'T', chunk_index: 0, total_points: 3 },
      { data_id: id, channel_name: 'p', chunk_index: 0, total_points: 3 },
    ]);
    assert.deepEqual((await sandbox.readPoints(id)).T, {
      units: 'C',
      chunks: [0, 0, 2],
      timestamps: [1, 2, 7],
      values: [10, null, 70],
    });
    const file = JSON.parse(readFileSync(join(folder, id, 'chunks', '000002.json'), 'utf8'));
    assert.equal(file.position, 6);
    assert.equal(sandbox.stream(id)?.points, 6);
    assert.deepEqual(sandbox.stream(id)?.missing, [[1, 1]]);
    assert.deepEqual(
      (await get(sandbox.url, `/sandbox/streams/${id}/points`)).json,
      await sandbox.readPoints(id),
    );
  });

  it('another process on the same folder takes the streams up', async () => {
    const id = await openRheed(sandbox.url, { data_item_name: 'kept' });
    await send(id, 0, frames(20, 4, 6, 0));
    const start = { stream_name: 'T', points_per_chunk: 3, project_id: null };
    const series = (await post(sandbox.url, '/tool-state/stream/initialize', start)).json.data_id;
    const chunk = { data_id: series, chunk_index: 0, channel_name: 'T', timestamps: [1], values: [2] };
    await post(sandbox.url, '/tool-state/stream/chunk', chunk);
    await sandbox.close();
    sandbox = await startSandbox({ folder });
    assert.equal(sandbox.stream(id)?.name, 'kept');
    assert.equal(sandbox.stream(id)?.frames, 20);
    await send(id, 1, frames(3, 4, 6, 1));
    assert.deepEqual(Buffer.from(await sandbox.readFrames(id, 0)), Buffer.concat(frames(20, 4, 6, 0)));
    assert.equal(sandbox.stream(id)?.frames, 23);
    const answer = await post(sandbox.url, '/tool-state/stream/chunk', { ...chunk, chunk_index: 1 });
    assert.equal(answer.json.total_points, 2);
  });

  it('reset removes the streams from memory and disk', async () => {
    const id = await openRheed(sandbox.url);
    await send(id, 0, frames(20, 4, 6, 0));
    await post(sandbox.url, '/sandbox/reset');
    assert.deepEqual([sandbox.streams(), readdirSync(folder), sandbox.requests.length], [[], [], 0]);
    assert.equal((await get(sandbox.url, `/sandbox/streams/${id}`)).status, 404);
  });

  it('a folder of its own is removed at close', async () => {
    const other = await startSandbox();
    await openRheed(other.url);
    assert.ok(existsSync(other.folder));
    await other.close();
    assert.ok(!existsSync(other.folder));
  });

  it('zarr-python reads the array', async function () {
    this.timeout(600_000);
    const found = await python();
    if ('skip' in found) return this.skip();
    const id = await openRheed(sandbox.url);
    const chunks = [frames(20, 4, 6, 0), frames(5, 4, 6, 1), frames(20, 4, 6, 2), frames(7, 4, 6, 3)];
    const files: string[] = [];
    for (const [index, chunk] of chunks.entries()) {
      await send(id, index, chunk);
      files.push(join(folder, `${index}.u8`));
      writeFileSync(files[index] as string, Buffer.concat(chunk));
    }
    const script = fileURLToPath(new URL('./read_zarr.py', import.meta.url));
    const { stdout } = await promisify(execFile)(found.path, [script, join(folder, id), ...files]);
    const read = JSON.parse(stdout);
    assert.deepEqual(
      [read.shape, read.chunks, read.shards],
      [
        [67, 4, 6],
        [1, 4, 6],
        [20, 4, 6],
      ],
    );
  });
});
