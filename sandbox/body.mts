/** How bodies are read: strict JSON for the API, whole shards for a presigned PUT. */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal, s3Refusal } from './refusal.mts';

const MAX_JSON_BYTES = 16 * 1024 * 1024;
const MAX_SHARD_BYTES = 1024 * 1024 * 1024;

export function installParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: MAX_JSON_BYTES },
    async (request: FastifyRequest, text: string | Buffer) => {
      if (request.record) request.record.bytes = Buffer.byteLength(text);
      try {
        return JSON.parse(String(text));
      } catch (error) {
        throw new Refusal(422, [
          { loc: ['body'], msg: `JSON decode error: ${(error as Error).message}`, type: 'json_invalid' },
        ]);
      }
    },
  );
  app.addContentTypeParser(
    '*',
    { bodyLimit: MAX_SHARD_BYTES },
    async (request: FastifyRequest, payload: AsyncIterable<Buffer> & { resume(): unknown }) => {
      if (isUpload(request)) return readShard(request, payload);
      payload.resume();
      throw new Refusal(422, [
        {
          loc: ['header', 'content-type'],
          msg: `expected application/json, got ${JSON.stringify(request.headers['content-type'] ?? null)}`,
          type: 'value_error',
        },
      ]);
    },
  );
}

/** A presigned PUT. */
export function isUpload(request: FastifyRequest): boolean {
  return request.method === 'PUT' && request.url.startsWith('/s3/');
}

/** Reads the body into memory of its own (it goes on to the shard thread), hashing it as it comes. */
async function readShard(
  request: FastifyRequest,
  payload: AsyncIterable<Buffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const length = Number(request.headers['content-length']);
  if (!Number.isInteger(length)) {
    throw s3Refusal(411, 'MissingContentLength', 'expected a content-length header on a presigned PUT');
  }
  if (length > MAX_SHARD_BYTES) {
    throw s3Refusal(413, 'EntityTooLarge', `expected at most ${MAX_SHARD_BYTES} bytes, got ${length}`);
  }
  const body = new Uint8Array(length);
  const hash = createHash('sha256');
  let at = 0;
  for await (const piece of payload) {
    hash.update(piece);
    body.set(piece, at);
    at += piece.byteLength;
  }
  if (request.record) Object.assign(request.record, { bytes: at, sha256: hash.digest('hex') });
  return body;
}
