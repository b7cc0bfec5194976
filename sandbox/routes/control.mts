/** `/sandbox/…`: what people, the page and tests in other processes see and set. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Context } from '../context.mts';
import { FAULT_NAMES, type FaultName, type FaultOptions } from '../faults.mts';
import { Refusal } from '../refusal.mts';
import type { RheedStream } from '../store/rheed.mts';
import type { RecordedRequest, Roi } from '../types.mts';
import { strict } from './schemas.mts';

/** The page hears of changes at most this often. */
const EVENT_INTERVAL_MS = 250;
/** Nor does it stay without a word for longer, so that rates fall to 0 when data stops. */
const HEARTBEAT_MS = 5000;

type FaultBody = FaultOptions & {
  set?: FaultName;
  clear?: FaultName | 'all';
  closeStream?: string;
  release?: true;
};

const faultBody = {
  ...strict(
    {
      set: { enum: FAULT_NAMES },
      clear: { enum: [...FAULT_NAMES, 'all'] },
      closeStream: { type: 'string' },
      release: { const: true },
      count: { type: 'integer', minimum: 1 },
      match: { type: 'string', minLength: 1 },
      delayMs: { type: 'number', minimum: 0 },
      retryAfter: { type: 'number', minimum: 0 },
    },
    ['set', 'clear', 'closeStream', 'release', 'count', 'match', 'delayMs', 'retryAfter'],
  ),
  minProperties: 1,
};

const side = { type: 'number', minimum: 0, maximum: 100_000 };
const roiBody = strict({ x: side, y: side, width: side, height: side });

export function controlRoutes(app: FastifyInstance, context: Context): void {
  const { faults, log, streams, shards } = context;

  app.get('/sandbox/state', async () => stateOf(context));
  app.get<{ Querystring: { last?: string } }>('/sandbox/requests', async ({ query }) =>
    log.requests.slice(-(Number(query.last) || log.requests.length)).map(withoutSecrets),
  );
  app.get('/sandbox/faults', async () => ({ active: faults.list(), held: faults.held, names: FAULT_NAMES }));

  app.post<{ Body: FaultBody }>('/sandbox/faults', { schema: { body: faultBody } }, async ({ body }) => {
    const { set, clear, closeStream, release, ...options } = body;
    if (clear !== undefined) clear === 'all' ? faults.clear() : faults.clear(clear);
    if (release) faults.release();
    if (closeStream !== undefined) await streams.require(closeStream).fail();
    if (set !== undefined) faults.set(set, options);
    return { active: faults.list(), held: faults.held };
  });

  app.post('/sandbox/reset', async () => {
    await context.reset();
    return stateOf(context);
  });

  app.get<{ Params: { id: string } }>('/sandbox/streams/:id', async ({ params }) =>
    streams.require(params.id).state(context.seed),
  );

  app.get<{ Params: { id: string }; Querystring: { chunks?: string } }>(
    '/sandbox/streams/:id/points',
    async ({ params, query }) => streams.timeseries(params.id).points(Number(query.chunks) || undefined),
  );

  app.get<{ Params: { id: string }; Querystring: { from?: string } }>(
    '/sandbox/streams/:id/intensity',
    async ({ params, query }) => streams.rheed(params.id).intensity(Number(query.from) || 0),
  );

  // One frame by its position in the array (chunk_index × chunk_size + frame), or the latest.
  app.get<{ Params: { id: string; n: string } }>(
    '/sandbox/streams/:id/frames/:n',
    async ({ params }, reply) => {
      const stream = streams.rheed(params.id);
      if (params.n === 'latest') {
        if (!stream.latest) throw new Refusal(404, `stream ${stream.id} has no frame in memory`);
        return sendFrames(reply, stream, stream.latest.index, 1, stream.latest.pixels);
      }
      const chunkSize = stream.geometry?.chunkSize ?? 1;
      const index = Math.floor(Number(params.n) / chunkSize);
      return readAndSend(reply, stream, index, (n) =>
        [Number(params.n) % chunkSize].filter((frame) => frame < n),
      );
    },
  );

  // Every k-th frame of a chunk, one after the other.
  app.get<{ Params: { id: string; index: string }; Querystring: { every?: string } }>(
    '/sandbox/streams/:id/chunks/:index',
    async ({ params, query }, reply) => {
      const every = Math.max(1, Math.floor(Number(query.every) || 1));
      return readAndSend(reply, streams.rheed(params.id), Number(params.index), (n) =>
        Array.from({ length: Math.ceil(n / every) }, (_, step) => step * every),
      );
    },
  );

  app.post<{ Params: { id: string }; Body: Roi }>(
    '/sandbox/streams/:id/roi',
    { schema: { body: roiBody } },
    async ({ params, body }) => {
      await streams.rheed(params.id).moveSpot(body, shards);
      return streams.require(params.id).summary(context.seed);
    },
  );

  app.get('/sandbox/events', (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    let due: NodeJS.Timeout | undefined;
    const send = () => {
      due = undefined;
      // A page that does not keep up (a tab in the background) skips events instead of filling the memory.
      if (!reply.raw.writableNeedDrain) reply.raw.write(`data: ${JSON.stringify(stateOf(context))}\n\n`);
    };
    const stop = context.onChange(() => {
      due ??= setTimeout(send, EVENT_INTERVAL_MS);
    });
    const heartbeat = setInterval(send, HEARTBEAT_MS);
    request.raw.socket.once('close', () => {
      stop();
      clearTimeout(due);
      clearInterval(heartbeat);
    });
    send();
  });

  async function readAndSend(
    reply: FastifyReply,
    stream: RheedStream,
    index: number,
    choose: (n: number) => number[],
  ): Promise<FastifyReply> {
    const stored = stream.chunks.get(index);
    const frames = stored ? choose(stored.n) : [];
    if (frames.length === 0)
      throw new Refusal(404, `stream ${stream.id} has no such frame in chunk ${index}`);
    return sendFrames(reply, stream, index, frames.length, await stream.readFrames(index, frames, shards));
  }
}

function sendFrames(
  reply: FastifyReply,
  stream: RheedStream,
  index: number,
  frames: number,
  pixels: Uint8Array,
): FastifyReply {
  const { height = 0, width = 0 } = stream.geometry ?? {};
  return reply
    .headers({
      'x-height': height,
      'x-width': width,
      'x-frames': frames,
      'x-chunk': index,
      'cache-control': 'no-store',
    })
    .type('application/octet-stream')
    .send(Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength));
}

function stateOf({ url, streams, seed, faults, log }: Context) {
  return {
    url,
    folder: streams.folder,
    now: Date.now(),
    streams: streams.list().map((stream) => stream.summary(seed)),
    faults: faults.list(),
    held: faults.held,
    complaints: log.complaints.slice(-100),
    request_count: log.requests.length,
    seed,
  };
}

function withoutSecrets(request: RecordedRequest): RecordedRequest {
  const { 'x-api-key': key, ...headers } = request.headers;
  return { ...request, headers: key === undefined ? headers : { ...headers, 'x-api-key': '(hidden)' } };
}
