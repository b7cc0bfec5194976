import { type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { GenericSchema, InferOutput } from 'valibot';
import { safeParse } from 'valibot';
import { ApiError } from '../errors.js';
import { inWords, withoutSecrets } from './answer.js';
import { type Answer, Exchange, type Outgoing } from './exchange.js';
import { neverArrived, reasonOf } from './no-answer.js';

export const DEFAULT_ENDPOINT = 'https://api.atomscale.ai';

export interface Call {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Milliseconds for the whole call; 60 s by default. */
  readonly timeout?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The key travels with the call; true by default. */
  readonly authorized?: boolean;
  /** Called when the request leaves, the connection being there. */
  readonly onSent?: () => void;
}

/** Connection to one endpoint with one key. Every API call carries `X-API-KEY`. */
export class ApiClient {
  readonly endpoint: string;
  readonly #apiKey: string;
  readonly #dispatcher: Dispatcher;
  /** Calls under way: undici loses sight of some when one of several connections fails. */
  readonly #calls: Exchange[] = [];

  /**
   * @param connections open connections per host at the most
   */
  constructor(endpoint: string, apiKey: string, connections: number) {
    this.endpoint = endpoint.replace(/\/+$/, '');
    this.#apiKey = apiKey;
    // One HTTP/1.1 connection a transfer: over a shared HTTP/2 session big PUTs would hold up the small calls.
    // HTTPS_PROXY and NO_PROXY are the agent's, presigned PUTs included.
    this.#dispatcher = new EnvHttpProxyAgent({ connections, allowH2: false, connect: { timeout: 10_000 } });
  }

  /** False when there is no key to send: the account then waits for one. */
  get hasKey(): boolean {
    return this.#apiKey !== '';
  }

  /**
   * One call with a JSON answer.
   *
   * @throws ApiError without `status` when no answer came; with it for every status but 2xx, and for a 2xx
   *   whose answer is not the expected one
   */
  async json<S extends GenericSchema>(
    method: 'GET' | 'POST',
    path: string,
    schema: S,
    call: Call = {},
  ): Promise<InferOutput<S>> {
    const { status, text } = await this.#call(method, path, call);
    const unexpected = (what: string) => {
      const name = `${method} ${path}`;
      return new ApiError(name, `${name}: answered ${status}, ${withoutSecrets(what, this.#apiKey)}`, {
        status,
      });
    };
    let value: unknown;
    try {
      value = text === '' ? null : JSON.parse(text);
    } catch {
      throw unexpected(
        `expected JSON, got ${JSON.stringify(inWords(withoutSecrets(text, this.#apiKey)).slice(0, 80))}`,
      );
    }
    const parsed = safeParse(schema, value);
    if (parsed.success) return parsed.output;
    const where = parsed.issues[0].path?.map((item) => String(item.key)).join('.') ?? 'the answer';
    throw unexpected(`${where}: ${parsed.issues[0].message.slice(0, 200)}`);
  }

  /** One call whose answer does not matter. */
  async send(method: 'GET' | 'POST', path: string, call: Call = {}): Promise<void> {
    await this.#call(method, path, call);
  }

  async #call(method: 'GET' | 'POST', path: string, call: Call): Promise<Answer> {
    const query = call.query === undefined ? '' : `?${new URLSearchParams(call.query)}`;
    const headers: Record<string, string> = { accept: 'application/json', ...call.headers };
    if (call.authorized !== false) headers['x-api-key'] = this.#apiKey;
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    const options = { method, headers, body: call.body === undefined ? null : JSON.stringify(call.body) };
    const timeout = call.timeout ?? 60_000;
    return this.exchange(
      `${method} ${path}`,
      `${this.endpoint}${path}${query}`,
      timeout,
      options,
      call.onSent,
    );
  }

  /**
   * Sends a request and reads its whole answer.
   *
   * @param name what errors call it: neither key nor presigned URL
   * @throws ApiError for no answer, and for every status but 2xx
   */
  async exchange(
    name: string,
    url: string,
    timeout: number,
    outgoing: Outgoing,
    onSent?: () => void,
  ): Promise<Answer> {
    const call = new Exchange(this.#dispatcher, url, timeout, outgoing, onSent);
    // AbortSignal.timeout leaves a timer for its whole time behind, answer or not.
    const timer = setTimeout(() => call.abort(new DOMException('timed out', 'TimeoutError')), timeout);
    this.#calls.push(call);
    let answer: Answer;
    try {
      answer = await call.answer;
    } catch (cause) {
      throw new ApiError(name, `${name}: no answer (${reasonOf(cause)})`, { cause });
    } finally {
      clearTimeout(timer);
      this.#calls.splice(this.#calls.indexOf(call), 1);
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusal(name, answer, inWords(withoutSecrets(answer.text, this.#apiKey)));
  }

  /** Ends calls under way and closes the connections. */
  async close(): Promise<void> {
    const reason = new Error('this account is being closed');
    for (const call of this.#calls) call.abort(reason);
    await this.#dispatcher.destroy(reason);
  }
}

function refusal(name: string, answer: Answer, text: string): ApiError {
  let detail: unknown = text.slice(0, 2000);
  try {
    const body: unknown = JSON.parse(text);
    detail = typeof body === 'object' && body !== null && 'detail' in body ? body.detail : body;
  } catch {
    // Not JSON: kept as text.
  }
  const { status } = answer;
  const facts: { status: number; detail: unknown; retryAfter?: number } = { status, detail };
  const retryAfter = retryAfterOf(answer.headers['retry-after']);
  if (retryAfter !== undefined) facts.retryAfter = retryAfter;
  const said = typeof detail === 'string' ? detail.slice(0, 200) : JSON.stringify(detail).slice(0, 300);
  return new ApiError(
    name,
    `${name}: answered ${status}${said === '' ? '' : ` ${said}`}${hintFor(answer)}`,
    facts,
  );
}

/** What a person can do about an answer; '' when waiting is all. */
function hintFor({ status, headers }: Answer): string {
  if (status === 401) return ': the API key is missing or not valid; set the right one in the account';
  if (status < 300 || status >= 400) return '';
  // Never followed: key and data go to the address that was set, or nowhere.
  return `: a redirect to ${originOf(headers.location)} is not followed; if that is right, set it as the endpoint`;
}

/** An address without its path and query, which may be secret. */
function originOf(location: string | string[] | undefined): string {
  const text = Array.isArray(location) ? location[0] : location;
  return text !== undefined && URL.canParse(text) ? new URL(text).origin : 'another address';
}

/** Seconds, from a number of seconds or an HTTP date (RFC 9110, 10.2.3). */
function retryAfterOf(header: string | string[] | undefined): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** What a failed call means for what was sent (the delivery table of docs/reliability). */
export function verdictOf(error: unknown): 'transient' | 'unauthorized' | 'forbidden' | 'refused' {
  if (!(error instanceof ApiError) || error.status === undefined) return 'transient';
  const { status } = error;
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  const isTransient = status < 400 || status === 408 || status === 429 || status >= 500;
  if (isTransient || (status === 400 && JSON.stringify(error.detail).includes('RequestTimeout')))
    return 'transient';
  return 'refused';
}

/** True when a call may have arrived although no answer came: it may take effect later. */
export function wasUnanswered(error: unknown): boolean {
  if (!(error instanceof ApiError) || error.status !== undefined) return false;
  return !neverArrived(error.cause);
}
