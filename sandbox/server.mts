/** A local stand-in of the Atomscale streaming API: strict about the protocol, able to fail on demand. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyInstance } from 'fastify';
import { installParsers } from './body.mts';
import type { Context } from './context.mts';
import { Faults } from './faults.mts';
import { installGate } from './gate.mts';
import { RequestLog } from './log.mts';
import { Signer } from './presign.mts';
import { catalogueRoutes } from './routes/catalogue.mts';
import { controlRoutes } from './routes/control.mts';
import { rheedRoutes } from './routes/rheed.mts';
import { timeseriesRoutes } from './routes/timeseries.mts';
import { freshSeed } from './seed.mts';
import { Shards } from './shards/shards.mts';
import { Streams } from './store/streams.mts';
import type { Points, RecordedRequest, SandboxOptions, Seed, StreamState, StreamSummary } from './types.mts';

export type { ActiveFault, FaultName, FaultOptions, Faults } from './faults.mts';
export type * from './types.mts';

export interface Sandbox {
  readonly url: string;
  readonly port: number;
  /** Holds a folder a stream, named by its data_id. */
  readonly folder: string;
  readonly faults: Faults;
  /** Every request to the API in the order of arrival, the last 20,000. */
  readonly requests: RecordedRequest[];
  /** Every breach of the protocol it refused, in words. */
  readonly complaints: string[];
  /** Samples, projects, tags, instruments; editable. */
  readonly seed: Seed;
  /** Newest first. */
  streams(): StreamSummary[];
  stream(dataId: string): StreamState | undefined;
  /** Pixels of a stored chunk: n × height × width bytes. */
  readFrames(dataId: string, chunkIndex: number): Promise<Uint8Array>;
  readPoints(dataId: string): Promise<Points>;
  /** Removes all streams, requests, complaints and faults, and puts the seed back. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

const TWO_HOURS_MS = 2 * 60 * 60 * 1000;
const QUARTER_HOUR_MS = 15 * 60 * 1000;

/** Starts a sandbox; rejects with EADDRINUSE when the port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'atomscale-sandbox-')));
  await mkdir(folder, { recursive: true });
  const closing = new AbortController();
  const context = newContext(resolve(folder), options, closing.signal);
  await context.streams.recall();
  const app = newApp(context);

  async function close(): Promise<void> {
    clearInterval(silence);
    closing.abort();
    context.faults.release();
    await app.close();
    await context.shards.close();
    await context.streams.settle();
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }

  const limit = options.silenceLimitMs ?? TWO_HOURS_MS;
  const silence = setInterval(
    () => context.streams.closeSilent(limit).catch(reportFailure),
    Math.min(60_000, limit),
  );
  silence.unref();
  try {
    context.url = await app.listen({ port: options.port ?? 0, host: options.host ?? '127.0.0.1' });
  } catch (error) {
    await close();
    throw error;
  }
  let closed: Promise<void> | undefined;
  return {
    url: context.url,
    port: (app.server.address() as AddressInfo).port,
    folder: context.streams.folder,
    faults: context.faults,
    requests: context.log.requests,
    complaints: context.log.complaints,
    seed: context.seed,
    streams: () => context.streams.list().map((stream) => stream.summary(context.seed)),
    stream: (dataId) => context.streams.get(dataId)?.state(context.seed),
    readFrames: async (dataId, chunkIndex) => {
      const stream = context.streams.rheed(dataId);
      const n = stream.chunks.get(chunkIndex)?.n ?? 0;
      return stream.readFrames(chunkIndex, [...Array(n).keys()], context.shards);
    },
    readPoints: async (dataId) => context.streams.timeseries(dataId).points(),
    reset: context.reset,
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

function newContext(folder: string, options: SandboxOptions, closing: AbortSignal): Context {
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const streams = new Streams(folder, changed);
  const closeStream = (dataId: string) => {
    streams.require(dataId).fail().catch(reportFailure);
  };
  const faults = new Faults({ changed, closeStream });
  const log = new RequestLog();
  const seed = freshSeed();
  return {
    apiKey: options.apiKey ?? null,
    quiet: options.quiet ?? true,
    seed,
    faults,
    log,
    streams,
    shards: new Shards(),
    signer: new Signer(options.urlLifetimeMs ?? QUARTER_HOUR_MS),
    closing,
    url: '',
    now: () => Date.now() + (options.clockOffsetMs ?? 0),
    changed,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reset: async () => {
      faults.clear();
      await streams.clear();
      log.clear();
      for (const [list, items] of Object.entries(freshSeed())) {
        const target = seed[list as keyof Seed] as unknown[];
        target.splice(0, target.length, ...items);
      }
      changed();
    },
  };
}

function newApp(context: Context): FastifyInstance {
  const app = Fastify({
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // Strict: nothing is coerced, defaulted or dropped; every problem is named with what came.
    ajv: {
      customOptions: {
        coerceTypes: false,
        useDefaults: false,
        removeAdditional: false,
        allErrors: true,
        verbose: true,
        allowUnionTypes: true,
      },
    },
  });
  installParsers(app);
  installGate(app, context);
  catalogueRoutes(app, context);
  rheedRoutes(app, context);
  timeseriesRoutes(app, context);
  controlRoutes(app, context);
  const page = fileURLToPath(new URL('./page/', import.meta.url));
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot'));
  app.register(fastifyStatic, { root: page, prefix: '/page/', cacheControl: false });
  app.register(fastifyStatic, { root: uplot, prefix: '/vendor/uplot/', decorateReply: false });
  app.get('/', (_request, reply) => reply.sendFile('index.html'));
  return app;
}

function reportFailure(error: Error): void {
  console.error(`sandbox: ${error.message}`);
}
