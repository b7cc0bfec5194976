/** What the sandbox was asked and what it complained about. */
import type { RecordedRequest } from './types.mts';

const MAX_REQUESTS = 20_000;
const MAX_COMPLAINTS = 1000;
/** Bodies are dropped from the oldest requests beyond this many bytes, so that memory stays flat. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

export class RequestLog {
  /** The last 20,000 requests to the API, oldest first. */
  readonly requests: RecordedRequest[] = [];
  /** The last 1,000 breaches of the protocol, in words. */
  readonly complaints: string[] = [];
  #bodyBytes = 0;
  #oldestWithBody: RecordedRequest[] = [];

  add(request: RecordedRequest): void {
    this.requests.push(request);
    if (this.requests.length > MAX_REQUESTS) this.#forgetBody(this.requests.shift());
  }

  /** Keeps a parsed JSON body with its request. */
  keepBody(request: RecordedRequest, body: unknown): void {
    request.body = body;
    this.#bodyBytes += request.bytes ?? 0;
    this.#oldestWithBody.push(request);
    while (this.#bodyBytes > MAX_BODY_BYTES) this.#forgetBody(this.#oldestWithBody[0]);
  }

  complain(text: string): void {
    this.complaints.push(text);
    if (this.complaints.length > MAX_COMPLAINTS) this.complaints.shift();
  }

  clear(): void {
    this.requests.length = 0;
    this.complaints.length = 0;
    this.#oldestWithBody = [];
    this.#bodyBytes = 0;
  }

  #forgetBody(request: RecordedRequest | undefined): void {
    if (request === undefined || this.#oldestWithBody[0] !== request) return;
    this.#oldestWithBody.shift();
    this.#bodyBytes -= request.bytes ?? 0;
    delete request.body;
  }
}
