import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** The largest answer read: the list of all samples of a lab is far smaller, what never ends is no answer. */
const MAX_BYTES = 16 * 2 ** 20;

/** A request as it leaves. undici also takes what is iterated over, which its types leave out. */
export interface Outgoing extends Pick<Dispatcher.DispatchOptions, 'method' | 'headers'> {
  readonly body: string | null | AsyncIterable<Uint8Array>;
}

/** An answer, read to its end (one left unread would hold its connection). */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/**
 * One request and its whole answer. undici's own `request` makes a stream of each answer: streams that are over hold
 * each other until V8 collects everything, which a long backlog's 20,000 answers do not bring about for minutes.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Rejects with what undici says, or with the reason of `abort`. */
  readonly answer: Promise<Answer>;
  readonly #onSent: (() => void) | undefined;
  #resolve!: (answer: Answer) => void;
  #reject!: (reason: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  /** Of its abort. */
  #reason: Error | undefined;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #parts: Buffer[] = [];
  #bytes = 0;

  /**
   * @param timeout milliseconds without a header, or without more of the answer
   * @param onSent called when the request leaves, the connection being there
   */
  constructor(
    dispatcher: Dispatcher,
    address: string,
    timeout: number,
    { body, ...options }: Outgoing,
    onSent?: () => void,
  ) {
    this.#onSent = onSent;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const { origin, pathname, search } = new URL(address);
      const request = {
        ...options,
        origin,
        path: `${pathname}${search}`,
        body: body as Exclude<Dispatcher.DispatchOptions['body'], undefined>,
        headersTimeout: timeout,
        bodyTimeout: timeout,
      };
      dispatcher.dispatch(request, this);
    });
  }

  /** Ends it wherever it is, also while it waits for a connection. */
  abort(reason: Error): void {
    this.#reason = reason;
    this.#reject(reason);
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown here, it ends the request and leaves the connection to the next one.
    if (this.#reason !== undefined) throw this.#reason;
    this.#controller = controller;
    this.#onSent?.();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > MAX_BYTES) this.abort(new Error(`an answer of more than ${MAX_BYTES} bytes`));
    else this.#parts.push(part);
  }

  onResponseEnd(): void {
    const text = Buffer.concat(this.#parts).toString('utf8');
    this.#resolve({ status: this.#status, headers: this.#headers, text });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}
