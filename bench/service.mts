/**
 * Just as much of the service's API as both kinds of stream need, at as little cost as can be: what arrives is kept as
 * it came, and looked into when the clock has stopped. A link of limited speed can be put before it.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Link {
  /** Of all bodies together. */
  readonly bytesPerSecond?: number;
  /** Before each answer, ms. */
  readonly latency?: number;
}

/** A chunk as it arrived; one that is sent again takes the place of the first. */
export interface StoredChunk {
  readonly body: Buffer;
  /** When it had arrived, Unix ms. */
  readonly at: number;
  /** What it was said to be: n, height, width. Blank for readings. */
  readonly dims: string;
}

export interface StoredStream {
  readonly id: string;
  readonly kind: 'rheed' | 'timeseries';
  readonly chunks: Map<number, StoredChunk>;
  ended: boolean;
}

const PLACE = /^\/s3\/([\w-]+)\/(\d+)$/;
const END = /^\/(?:rheed|tool-state)\/stream\/([\w-]+)\/(?:end|finalize)$/;
const FILENAME = /original_filename=frames\.zarr(?:%2F|\/)frames(?:%2F|\/)c(?:%2F|\/)(\d+)/;

export class Service {
  /** In the order of their opening. */
  readonly streams = new Map<string, StoredStream>();
  /** What nobody should have asked. */
  readonly complaints: string[] = [];
  /** Bytes of bodies that have arrived. */
  bytes = 0;
  /** Answers nothing while it is down: the connection is cut. */
  down = false;
  readonly #link: Link;
  readonly #dims = new Map<string, string>();
  readonly #server: Server;
  /** When the link is free again, as `performance.now()`. */
  #free = 0;

  constructor(link: Link = {}) {
    this.#link = link;
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => request.destroy());
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.down) {
      request.destroy();
      return;
    }
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) {
      pieces.push(piece);
      await this.#pass(piece.length);
    }
    const { method = '', url = '' } = request;
    const answer = this.#answer(method, url, Buffer.concat(pieces), request.headers.host ?? '');
    if (answer === undefined) this.complaints.push(`${method} ${url}: not expected here`);
    if (this.#link.latency !== undefined) await sleep(this.#link.latency);
    const text = answer === null ? '' : JSON.stringify(answer ?? { detail: 'not found' });
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    response.writeHead(answer === undefined ? 404 : 200, headers).end(text);
  }

  /** Waits as long as the link needs for so many bytes. */
  async #pass(bytes: number): Promise<void> {
    this.bytes += bytes;
    const { bytesPerSecond } = this.#link;
    if (bytesPerSecond === undefined) return;
    const now = performance.now();
    this.#free = Math.max(this.#free, now) + (bytes / bytesPerSecond) * 1000;
    // Timers are coarse: small debts wait for company.
    if (this.#free - now > 2) await sleep(this.#free - now);
  }

  /** Null: an empty answer; undefined: not known. */
  #answer(method: string, url: string, body: Buffer, host: string): unknown {
    if (method === 'GET' && url === '/gateway/time')
      return { receivedAtUnixMs: Date.now(), transmittedAtUnixMs: Date.now() };
    const [, place, index] = PLACE.exec(url) ?? [];
    if (method === 'PUT' && place !== undefined && index !== undefined)
      return this.#put(place, Number(index), body);
    if (method !== 'POST') return undefined;
    if (url === '/rheed/stream/') return this.#open('rheed');
    if (url === '/tool-state/stream/initialize') {
      const id = this.#open('timeseries');
      return { data_id: id, processed_data_id: id };
    }
    const [, chunk] = FILENAME.exec(url) ?? [];
    if (chunk !== undefined) {
      const { data_id, dims } = JSON.parse(body.toString()) as { data_id: string; dims: string };
      this.#dims.set(`${data_id}/${chunk}`, dims);
      return [{ url: `http://${host}/s3/${data_id}/${chunk}`, upload_id: chunk, part: 1 }];
    }
    if (url === '/tool-state/stream/chunk' || url === '/tool-state/stream/chunk/multi')
      return this.#points(body);
    const [, ended] = END.exec(url) ?? [];
    const stream = this.streams.get(ended ?? '');
    if (stream === undefined) return undefined;
    stream.ended = true;
    return { data_id: stream.id };
  }

  #open(kind: StoredStream['kind']): string {
    const id = randomUUID();
    this.streams.set(id, { id, kind, chunks: new Map(), ended: false });
    return id;
  }

  #put(id: string, index: number, body: Buffer): null | undefined {
    const dims = this.#dims.get(`${id}/${index}`);
    if (dims === undefined) return undefined;
    this.streams.get(id)?.chunks.set(index, { body, at: Date.now(), dims });
    return null;
  }

  #points(body: Buffer): unknown {
    // Which stream and which chunk: the beginning tells, the rest is looked into later.
    const [, id, index] =
      /^\{"data_id":"([\w-]+)","chunk_index":(\d+),/.exec(body.toString('latin1', 0, 200)) ?? [];
    const stream = this.streams.get(id ?? '');
    if (stream === undefined) return undefined;
    stream.chunks.set(Number(index), { body, at: Date.now(), dims: '' });
    return [];
  }
}
