/** An answer other than success, in the service's form. */

/** One entry of a 422 answer, as FastAPI words it. */
export interface Detail {
  loc: (string | number)[];
  msg: string;
  type: string;
}

/**
 * Thrown by a handler to refuse a call. `violation` tells a breach of the protocol, which the sandbox complains
 * about, from an answer that a correct client may well get (a name just taken, a stream ended already).
 */
export class Refusal extends Error {
  readonly status: number;
  readonly detail: string | Detail[] | Record<string, unknown>;
  readonly violation: boolean;
  /** S3's error code when the answer is S3's XML. */
  readonly s3Code: string | undefined;

  constructor(
    status: number,
    detail: Refusal['detail'],
    options: { violation?: boolean; s3Code?: string } = {},
  ) {
    super(inWords(detail));
    this.name = 'Refusal';
    this.status = status;
    this.detail = detail;
    this.violation = options.violation ?? true;
    this.s3Code = options.s3Code;
  }
}

/** A 422 about one field of the body. */
export function invalid(field: string | (string | number)[], msg: string, type = 'value_error'): Refusal {
  const path = Array.isArray(field) ? field : [field];
  return new Refusal(422, [{ loc: ['body', ...path], msg, type }]);
}

/** Refuses a presigned PUT the way S3 does. */
export function s3Refusal(status: number, code: string, message: string, violation = true): Refusal {
  return new Refusal(status, message, { violation, s3Code: code });
}

/** S3's error document. */
export function s3Xml(code: string, message: string): string {
  const clean = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${clean(code)}</Code><Message>${clean(message)}</Message></Error>`;
}

function inWords(detail: Refusal['detail']): string {
  if (typeof detail === 'string') return detail;
  if (Array.isArray(detail)) return detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ');
  return typeof detail.message === 'string' ? detail.message : JSON.stringify(detail);
}
