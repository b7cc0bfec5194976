/** The official client's recorded traffic (test/fixtures/golden): what it sent, and the same of this project. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordedRequest, Sandbox } from '../../sandbox/server.mts';

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'golden');

interface GoldenRequest {
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  body?: unknown;
}

export interface Golden {
  name: string;
  requests: GoldenRequest[];
  /** Pixels of each chunk, as they went into the official client. */
  frames: { data: Uint8Array; shape: number[] }[];
}

export function readGolden(name: string): Golden {
  const folder = join(FOLDER, name);
  const { requests } = JSON.parse(readFileSync(join(folder, 'traffic.json'), 'utf8')) as {
    requests: GoldenRequest[];
  };
  const frames = readdirSync(folder)
    .filter((file) => file.endsWith('.u8'))
    .sort()
    .map((file) => {
      const shape = /-(\d+)x(\d+)x(\d+)\.u8$/.exec(file)?.slice(1).map(Number) as number[];
      return { data: new Uint8Array(readFileSync(join(folder, file))), shape };
    });
  return { name, requests, frames };
}

/** Brings the sandbox's samples, projects and tags to what the recording server had. */
export function seedLikeGolden(sandbox: Sandbox): void {
  sandbox.seed.samples.splice(0, Number.POSITIVE_INFINITY, {
    id: '11111111-1111-4111-8111-111111111111',
    name: 'GaN-001',
  });
  sandbox.seed.tags.splice(0, Number.POSITIVE_INFINITY, {
    id: '22222222-2222-4222-8222-222222222222',
    name: 'golden',
  });
}

/** A request as the contract sees it: ids that servers invent are numbered by their first appearance. */
export interface Comparable {
  call: string;
  hasKey: boolean;
  contentType: string | undefined;
  noStore: boolean;
  body: unknown;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const KNOWN = new Set([
  '11111111-1111-4111-8111-111111111111',
  '22222222-2222-4222-8222-222222222222',
  '33333333-3333-4333-8333-333333333333',
]);

export function comparable(requests: readonly (GoldenRequest | RecordedRequest)[]): Comparable[] {
  const names = new Map<string, string>();
  const renamed = (text: string): string =>
    text.replace(UUID, (id) => {
      if (KNOWN.has(id)) return id;
      if (!names.has(id)) names.set(id, `id-${names.size}`);
      return names.get(id) as string;
    });
  return sorted(requests).map(({ method, path, query, headers, body }) => ({
    // A presigned URL's query is the server's own.
    call: renamed(`${method} ${path}${method === 'PUT' ? '' : query}`),
    hasKey: headers['x-api-key'] === 'test-key',
    contentType: headers['content-type'] as string | undefined,
    noStore: headers['cache-control'] === 'no-store',
    body: JSON.parse(renamed(JSON.stringify(withoutMeasured(body) ?? null))),
  }));
}

/** Calls that do not depend on each other may leave in any order: samples beside tags, links, chunks. */
function sorted<T extends GoldenRequest | RecordedRequest>(requests: readonly T[]): T[] {
  const rank = ({ method, path, query, body }: T): string => {
    if (path === '/gateway/time') return '0';
    if (path.startsWith('/physical_samples')) return `1 samples ${method}`;
    if (path.startsWith('/tags/') && !path.includes('data-items')) return `1 tags ${method}`;
    if (path === '/rheed/stream/' || path.endsWith('/initialize')) return '2';
    if (path.endsWith('/end') || path.endsWith('/finalize')) return '9';
    const chunk = /%2Fc%2F(\d+)/.exec(query)?.[1] ?? /\/c\/(\d+)\//.exec(path)?.[1];
    if (chunk !== undefined) return `4 ${chunk} ${method}`;
    if (path.includes('/chunk'))
      return `4 ${JSON.stringify((body as { channel_name?: string }).channel_name ?? '')}${(body as { chunk_index: number }).chunk_index}`;
    return `3 ${path}`;
  };
  return [...requests].sort((one, other) => (rank(one) < rank(other) ? -1 : rank(one) > rank(other) ? 1 : 0));
}

/** The clock's difference is a measurement of the day: whole ms, near what it is, and contained in the stamps. */
function withoutMeasured(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('clock_offset_ms' in body)) return body;
  const told = body as Record<string, string>;
  const offset = Number(told.clock_offset_ms);
  const measured = {
    clock_offset_ms: /^-?\d+$/.test(told.clock_offset_ms as string)
      ? Math.round(offset / 100) * 100
      : 'not whole',
    clock_uncertainty_ms: /^\d+\.\d$/.test(told.clock_uncertainty_ms as string)
      ? 'measured'
      : 'not one decimal',
    start_unix_ms_utc: Number(told.start_unix_ms_utc) - offset,
    end_unix_ms_utc: Number(told.end_unix_ms_utc) - offset,
  };
  return { ...body, ...measured };
}
