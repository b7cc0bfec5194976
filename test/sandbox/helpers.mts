/** What the sandbox's tests share: golden recordings, requests as the official client makes them, shards. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { zstdCompressSync } from 'node:zlib';
import { crc32c } from '../../sandbox/shards/crc32c.mts';

export interface GoldenRequest {
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  status: number;
  body?: Record<string, unknown>;
}

const GOLDEN = new URL('../fixtures/golden/', import.meta.url);

export function golden(scenario: string, file: string): Buffer {
  return readFileSync(new URL(`${scenario}/${file}`, GOLDEN));
}

export function goldenRequests(scenario: string): GoldenRequest[] {
  return JSON.parse(golden(scenario, 'traffic.json').toString()).requests;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever came, for the test to look into
  json: any;
}

/** One request with exactly these headers; rejects when the connection breaks. */
export function call(
  url: string,
  method: string,
  headers: Record<string, string> = {},
  body?: Uint8Array | string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        const isJson = response.headers['content-type']?.startsWith('application/json');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: isJson ? JSON.parse(text) : undefined,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export const KEY = { 'x-api-key': 'test-key' };

export function post(
  base: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = KEY,
): Promise<Answer> {
  if (body === undefined) return call(base + path, 'POST', headers);
  return call(base + path, 'POST', { 'content-type': 'application/json', ...headers }, JSON.stringify(body));
}

export function get(base: string, path: string, headers: Record<string, string> = KEY): Promise<Answer> {
  return call(base + path, 'GET', headers);
}

/** A presigned PUT as the official client sends it. */
export function put(url: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  return call(
    url,
    'PUT',
    { 'content-type': '', 'content-length': String(body.byteLength), ...headers },
    body,
  );
}

/** A body of `POST /rheed/stream/`. */
export function opening(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    data_item_name: 'a test stream',
    rotational_period: null,
    rotations_per_min: 0,
    fps_capture_rate: 10,
    ...overrides,
  };
}

export async function openRheed(base: string, overrides: Record<string, unknown> = {}): Promise<string> {
  return (await post(base, '/rheed/stream/', opening(overrides))).json as string;
}

/** A body of the presign call: 20 frames of 4x6 at 10 fps, complete when `overrides` says nothing else. */
export function announcement(
  dataId: string,
  overrides: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    data_id: dataId,
    data_stream: 'rheed',
    is_stream: '1',
    is_rotating: '0',
    raw_frame_rate: '10.0',
    avg_frame_rate: '10.0',
    chunk_size: '20',
    dims: '20,4,6',
    start_unix_ms_utc: '1700000000000',
    end_unix_ms_utc: '1700000002000',
    ...overrides,
  };
}

export function presign(
  base: string,
  index: number | string,
  body: Record<string, unknown>,
): Promise<Answer> {
  const filename = encodeURIComponent(`frames.zarr/frames/c/${index}/0/0`);
  const query = `?original_filename=${filename}&num_parts=1&staging_type=stream`;
  return post(base, `/data_entries/raw_data/staged/upload_urls/${query}`, body);
}

/** n frames whose pixels differ from frame to frame and chunk to chunk. */
export function frames(n: number, height: number, width: number, seed = 0): Uint8Array[] {
  return Array.from({ length: n }, (_, frame) =>
    Uint8Array.from({ length: height * width }, (_, pixel) => (pixel * 7 + frame * 13 + seed * 29) % 256),
  );
}

/** A shard of encoded frames, one after the other. */
export function shardOf(encoded: Uint8Array[]): Buffer {
  const index = Buffer.alloc(encoded.length * 16 + 4);
  let offset = 0;
  encoded.forEach((frame, at) => {
    index.writeBigUInt64LE(BigInt(offset), at * 16);
    index.writeBigUInt64LE(BigInt(frame.byteLength), at * 16 + 8);
    offset += frame.byteLength;
  });
  index.writeUInt32LE(crc32c(index.subarray(0, -4)), encoded.length * 16);
  return Buffer.concat([...encoded, index]);
}

export function encode(pixels: Uint8Array[]): Uint8Array[] {
  return pixels.map((frame) => zstdCompressSync(frame));
}
