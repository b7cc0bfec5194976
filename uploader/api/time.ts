import * as v from 'valibot';
import type { ApiClient } from './client.js';

const Times = v.object({ receivedAtUnixMs: v.number(), transmittedAtUnixMs: v.number() });

/**
 * The service's clock at receiving and answering, Unix ms (GET /gateway/time, without key).
 *
 * @param onSent called when the request leaves: connecting is not part of the way there
 */
export function gatewayTime(api: ApiClient, onSent: () => void): Promise<v.InferOutput<typeof Times>> {
  return api.json('GET', '/gateway/time', Times, {
    authorized: false,
    headers: { 'cache-control': 'no-store' },
    timeout: 10_000,
    onSent,
  });
}
