import type { FastifyRequest } from 'fastify';
import { Refusal } from '../refusal.mts';

/** Refuses a call that came with a body and should have none. */
export function refuseBody(request: FastifyRequest): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (request.body === undefined && (length === undefined || length === '0') && encoding === undefined)
    return;
  throw new Refusal(422, [{ loc: ['body'], msg: 'expected no body, got one', type: 'extra_forbidden' }]);
}
