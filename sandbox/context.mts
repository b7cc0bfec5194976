/** What the routes work on. */
import type { Faults } from './faults.mts';
import type { RequestLog } from './log.mts';
import type { Signer } from './presign.mts';
import type { Shards } from './shards/shards.mts';
import type { Streams } from './store/streams.mts';
import type { RecordedRequest, Seed } from './types.mts';

export interface Context {
  readonly apiKey: string | null;
  readonly quiet: boolean;
  readonly seed: Seed;
  readonly faults: Faults;
  readonly log: RequestLog;
  readonly streams: Streams;
  readonly shards: Shards;
  readonly signer: Signer;
  /** Aborted when the sandbox closes. */
  readonly closing: AbortSignal;
  /** Where the sandbox listens, known once it does. */
  url: string;
  /** The service's clock, Unix ms. */
  now(): number;
  /** Streams, faults or complaints changed. */
  changed(): void;
  /** Calls `listener` after a change; gives back what ends it. */
  onChange(listener: () => void): () => void;
  /** Removes all streams, requests, complaints and faults, and puts the seed back. */
  reset(): Promise<void>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** undefined for the page and its own calls. */
    record: RecordedRequest | undefined;
  }
}
