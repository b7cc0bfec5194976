/** Presigned URLs: a signature over method, path and expiry, with a secret of this process. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { s3Refusal } from './refusal.mts';

export class Signer {
  readonly #secret = randomBytes(32);
  readonly #lifetimeMs: number;

  constructor(lifetimeMs: number) {
    this.#lifetimeMs = lifetimeMs;
  }

  /** The query that makes `PUT path` allowed until it expires. */
  sign(path: string): string {
    const expires = Date.now() + this.#lifetimeMs;
    return `sig=${this.#mac(path, String(expires))}&expires=${expires}`;
  }

  /** Throws S3's 403 for a signature that is missing, wrong or too old. */
  verify(path: string, query: URLSearchParams): void {
    const sig = query.get('sig') ?? '';
    const expires = query.get('expires') ?? '';
    const expected = this.#mac(path, expires);
    if (sig.length !== expected.length || !timingSafeEqual(Buffer.from(sig), Buffer.from(expected))) {
      throw s3Refusal(
        403,
        'SignatureDoesNotMatch',
        'expected the presigned URL exactly as it was handed out; its path, sig or expires was changed',
      );
    }
    // A client may be slow through no fault of its own: expiry is no breach of the protocol.
    if (Date.now() > Number(expires)) throw s3Refusal(403, 'AccessDenied', 'Request has expired', false);
  }

  #mac(path: string, expires: string): string {
    return createHmac('sha256', this.#secret).update(`PUT\n${path}\n${expires}`).digest('hex');
  }
}
