/** Why a request got no answer, and what that means. */

const CERTIFICATE = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

const NEVER_ARRIVED = new Set([
  ...CERTIFICATE,
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** The reason in words, without addresses: they may be presigned. */
export function reasonOf(cause: unknown): string {
  const { code, message, name } = cause as { code?: string; message?: string; name?: string };
  if (name === 'TimeoutError') return 'timed out';
  if (code !== undefined && CERTIFICATE.has(code))
    return (
      `the server's certificate is not trusted: ${code}; check the endpoint and the clock of this computer, or ` +
      'name your own certificate authority to Node.js by NODE_EXTRA_CA_CERTS'
    );
  return code ?? message ?? String(cause);
}

/** True when the request cannot have left. */
export function neverArrived(cause: unknown): boolean {
  return NEVER_ARRIVED.has((cause as { code?: string } | undefined)?.code ?? '');
}
