/**
 * The service's side of a measurement, in a process of its own: speaks just as much of the API as a RHEED stream
 * needs, keeps what arrives in memory as it comes, and looks into it only afterwards, when it is asked.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkUpload, decodeFrame } from '../../sandbox/shards/shard.mts';
import type { Answer, Question, Received } from './receiver-process.mts';
import { chunkBytes, type Workload } from './workload.mts';

const DATA_ID = '5ca1ab1e-0000-4000-8000-000000000001';
const PLACE = /^\/s3\/frames\/(\d+)$/;
const FILENAME = /original_filename=frames\.zarr(?:%2F|\/)frames(?:%2F|\/)c(?:%2F|\/)(\d+)/;

interface Chunk {
  readonly body: readonly Buffer[];
  readonly bytes: number;
  /** When it had arrived, Unix ms. */
  readonly at: number;
}

const chunks = new Map<number, Chunk>();
/** What each chunk was said to be: n, height, width. */
const dims = new Map<number, string>();
let ended = false;
let complaint: string | undefined;

const server = createServer((request, response) => {
  const { method, url = '' } = request;
  const body: Buffer[] = [];
  request.on('data', (piece: Buffer) => body.push(piece));
  request.on('end', () => {
    const answer = respond(method ?? '', url, body, request);
    if (answer === undefined) complaint ??= `${method} ${url}: not expected here`;
    send(response, answer);
  });
});

function respond(method: string, url: string, body: Buffer[], { headers }: IncomingMessage): unknown {
  const [, place] = PLACE.exec(url) ?? [];
  if (method === 'PUT' && place !== undefined) {
    const bytes = body.reduce((sum, { length }) => sum + length, 0);
    if (bytes !== Number(headers['content-length'])) complaint ??= `PUT of chunk ${place}: cut short`;
    // A chunk sent again takes the place of the first.
    chunks.set(Number(place), { body, bytes, at: Date.now() });
    return null;
  }
  const [, index] = FILENAME.exec(url) ?? [];
  if (method === 'POST' && index !== undefined) {
    const facts = JSON.parse(Buffer.concat(body).toString()) as { dims: string };
    dims.set(Number(index), facts.dims);
    return [{ url: `http://${headers.host}/s3/frames/${index}`, upload_id: index, part: 1 }];
  }
  if (method === 'POST' && url === '/rheed/stream/') return DATA_ID;
  if (method === 'POST' && url === `/rheed/stream/${DATA_ID}/end`) {
    ended = true;
    return { data_id: DATA_ID };
  }
  return undefined;
}

function send(response: ServerResponse, answer: unknown): void {
  const text = answer === null ? '' : JSON.stringify(answer ?? { detail: 'not found' });
  response
    .writeHead(answer === undefined ? 404 : 200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    })
    .end(text);
}

/**
 * Decodes every frame and compares it with what was sent.
 *
 * @throws Error for the first that is missing or another one
 */
async function verify(workload: Workload): Promise<Received> {
  if (complaint !== undefined) throw new Error(complaint);
  if (!ended) throw new Error('expected the stream to be ended, it is not');
  if (chunks.size !== workload.chunks)
    throw new Error(`expected ${workload.chunks} chunks, got ${chunks.size}`);
  const hash = createHash('sha256');
  const file = await open(workload.file);
  try {
    for (let index = 0; index < workload.chunks; index += 1)
      hash.update(await verified(index, workload, file));
  } finally {
    await file.close();
  }
  const all = [...chunks.values()];
  return {
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    frames: workload.chunks * workload.chunkSize,
    pixels: hash.digest('hex'),
    arrivals: all.map(({ at }) => at).sort((one, other) => one - other),
  };
}

/** The pixels of a chunk, found to be those that were sent. */
async function verified(index: number, workload: Workload, file: FileHandle): Promise<Buffer> {
  const { width, height, chunkSize, distinct } = workload;
  const expected = Buffer.alloc(chunkBytes(workload));
  await file.read(expected, 0, expected.length, (index % distinct) * expected.length);
  if (dims.get(index) !== `${chunkSize},${height},${width}`)
    throw new Error(`chunk ${index}: expected ${chunkSize},${height},${width}, got ${dims.get(index)}`);
  const shard = Buffer.concat(chunks.get(index)?.body ?? []);
  const size = width * height;
  checkUpload(shard, chunkSize).forEach((entry, frame) => {
    const pixels = decodeFrame(shard, entry, size, frame);
    if (!expected.subarray(frame * size, (frame + 1) * size).equals(pixels))
      throw new Error(`chunk ${index}, frame ${frame}: expected the pixels that were sent, got others`);
  });
  return expected;
}

async function answerTo(question: Question): Promise<Answer> {
  if (question.kind === 'cpu') return { cpu: process.cpuUsage() };
  return verify(question.workload).then(
    (received) => ({ received }),
    (error: Error) => ({ wrong: error.message }),
  );
}

process.on('message', async (question: Question) => process.send?.(await answerTo(question)));
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
