/** What every call to the API passes through: record, faults, key; and the way refusals are answered. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isUpload } from './body.mts';
import type { Context } from './context.mts';
import type { ActiveFault, Call } from './faults.mts';
import { type Detail, Refusal, s3Xml } from './refusal.mts';
import type { RecordedRequest } from './types.mts';

export function installGate(app: FastifyInstance, context: Context): void {
  app.decorateRequest('record', undefined);

  app.addHook('onRequest', async (request, reply) => {
    if (isOwn(request.url)) return;
    request.record = recordOf(request);
    context.log.add(request.record);
    // An upload's content-type is empty, which Fastify takes for an error; the record keeps what was sent.
    if (isUpload(request)) delete request.raw.headers['content-type'];
    const down = context.faults.take('down', callOf(request));
    if (down) return drop(request, reply, down);
  });

  app.addHook('preValidation', async (request, reply) => {
    if (!request.record) return;
    const { faults, log } = context;
    const call = callOf(request);
    if (request.body !== undefined && call.kind !== 's3') log.keepBody(request.record, request.body);
    if (faults.take('hold', call)) {
      request.record.fault = 'hold';
      await Promise.race([faults.hold(), aborted(context.closing)]);
    }
    const lost = faults.take('reset-before', call);
    if (lost) return drop(request, reply, lost);
    answerFault(request, reply, context, call);
    if (call.kind === 'api') checkKey(request, context.apiKey);
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const { record } = request;
    if (!record) return payload;
    const slow = context.faults.take('slow', callOf(request));
    if (slow) {
      record.fault = 'slow';
      await sleep(slow.delayMs, undefined, { signal: context.closing }).catch(() => undefined);
    }
    const lost = context.faults.take('reset-after', callOf(request));
    if (lost) {
      record.fault = lost.name;
      request.raw.socket.resetAndDestroy();
    } else {
      record.status = reply.statusCode;
    }
    return payload;
  });

  app.setNotFoundHandler((request) => {
    throw new Refusal(404, 'Not Found: the API has no such call; watch the trailing slash', {
      violation: request.record !== undefined,
    });
  });
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply, context));
}

/** Calls of the page, of people and of tests: never recorded, never struck by a fault. */
function isOwn(url: string): boolean {
  return url === '/' || /^\/(\?|sandbox\/|page\/|vendor\/|favicon\.ico)/.test(url);
}

function recordOf(request: FastifyRequest): RecordedRequest {
  const [path = '', query] = request.url.split('?', 2);
  return {
    method: request.method,
    path,
    query: query === undefined ? '' : `?${query}`,
    headers: { ...request.headers },
    status: null,
    at: Date.now(),
  };
}

function callOf(request: FastifyRequest): Call {
  const path = request.url.split('?', 1)[0] as string;
  const kind = path.startsWith('/s3/') ? 's3' : path.startsWith('/gateway/') ? 'open' : 'api';
  return { method: request.method, path, kind };
}

/** Destroys the connection without an answer. */
function drop(request: FastifyRequest, reply: FastifyReply, fault: ActiveFault): FastifyReply {
  if (request.record) request.record.fault = fault.name;
  reply.hijack();
  request.raw.socket.resetAndDestroy();
  return reply;
}

/** Throws the answer of the first fault that answers in the service's place. */
function answerFault(request: FastifyRequest, reply: FastifyReply, { faults }: Context, call: Call): void {
  for (const { name, status, code, message } of ANSWERS) {
    const fault = faults.take(name, call);
    if (!fault) continue;
    if (request.record) request.record.fault = name;
    if (name === '429' && fault.retryAfter !== null) reply.header('retry-after', String(fault.retryAfter));
    throw new Refusal(status, message, { violation: false, ...(call.kind === 's3' && { s3Code: code }) });
  }
}

const ANSWERS = [
  { name: '401', status: 401, code: 'AccessDenied', message: 'Invalid API key' },
  { name: '403', status: 403, code: 'AccessDenied', message: 'Forbidden' },
  { name: '429', status: 429, code: 'SlowDown', message: 'Too many requests' },
  { name: '500', status: 500, code: 'InternalError', message: 'Internal Server Error' },
  { name: '503', status: 503, code: 'SlowDown', message: 'Service Unavailable' },
  { name: 'expired', status: 403, code: 'AccessDenied', message: 'Request has expired' },
  {
    name: 's3RequestTimeout',
    status: 400,
    code: 'RequestTimeout',
    message:
      'Your socket connection to the server was not read from or written to within the timeout period.',
  },
] as const;

function checkKey(request: FastifyRequest, accepted: string | null): void {
  const key = request.headers['x-api-key'];
  if (typeof key !== 'string' || key === '')
    throw new Refusal(401, 'expected a key in the X-API-KEY header, got none');
  if (accepted !== null && key !== accepted) throw new Refusal(401, 'Invalid API key', { violation: false });
}

function answerError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  context: Context,
): void {
  const refusal = error instanceof Refusal ? error : refusalOf(error, request);
  const words = `${request.method} ${request.url.split('?', 1)[0]}: ${refusal.status} ${refusal.message}`;
  if (request.record) request.record.refusal = refusal.message;
  if (request.record && refusal.violation && refusal.status < 500) complain(words, request, context);
  const unexpected = refusal.status >= 500 && !request.record?.fault && !context.closing.aborted;
  if (unexpected) console.error(`sandbox: ${words}`);
  reply.code(refusal.status);
  if (refusal.s3Code !== undefined) {
    reply.type('application/xml').send(s3Xml(refusal.s3Code, refusal.message));
  } else {
    reply.send({ detail: refusal.detail });
  }
}

/** Fastify's own errors in the service's words. */
function refusalOf(error: FastifyError, request: FastifyRequest): Refusal {
  if (error.validation) {
    const where = error.validationContext === 'querystring' ? 'query' : (error.validationContext ?? 'body');
    return new Refusal(
      422,
      error.validation.map((problem) => detailOf(where, problem)),
    );
  }
  const status = error.statusCode ?? 500;
  if (status >= 500) return new Refusal(status, `Internal Server Error: ${error.message}`);
  if (callOf(request).kind === 's3') return new Refusal(status, error.message, { s3Code: 'InvalidRequest' });
  if (error.code === 'FST_ERR_CTP_EMPTY_JSON_BODY') {
    return new Refusal(422, [{ loc: ['body'], msg: 'expected a JSON body, got none', type: 'missing' }]);
  }
  return new Refusal(status, error.message);
}

/** An ajv error as FastAPI words it. */
function detailOf(where: string, problem: NonNullable<FastifyError['validation']>[number]): Detail {
  const path = problem.instancePath.split('/').slice(1);
  const { missingProperty, additionalProperty } = problem.params as Record<string, string | undefined>;
  if (missingProperty !== undefined) {
    return { loc: [where, ...path, missingProperty], msg: 'Field required', type: 'missing' };
  }
  if (additionalProperty !== undefined) {
    return {
      loc: [where, ...path, additionalProperty],
      msg: 'Extra inputs are not permitted',
      type: 'extra_forbidden',
    };
  }
  const got = JSON.stringify((problem as { data?: unknown }).data)?.slice(0, 80);
  return { loc: [where, ...path], msg: `${problem.message ?? 'invalid'}, got ${got}`, type: 'value_error' };
}

function complain(words: string, request: FastifyRequest, { log, streams, quiet, changed }: Context): void {
  log.complain(words);
  const named = (request.body as { data_id?: unknown } | null | undefined)?.data_id;
  const id =
    typeof named === 'string' ? named : request.url.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/)?.[0];
  if (id !== undefined) streams.get(id)?.complain(words);
  if (!quiet) console.error(`sandbox: ${words}`);
  changed();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
