import { wasUnanswered } from './api/client.js';
import { backoff, sleep } from './backoff.js';
import type { Context } from './context.js';
import { AtomscaleError } from './errors.js';
import { makeLink, openGeneration } from './open-generation.js';
import type { Generation, RecordFile } from './spool/stream-record.js';
import type { Trouble } from './trouble.js';

/** What a stream wants to know of its opening. */
export interface OpeningListener {
  opened(): void;
  /** The service refuses the settings: it waits for corrected ones. */
  failed(error: AtomscaleError): void;
  /** @returns milliseconds until the next try */
  waiting(error: AtomscaleError): number;
  problem(error: AtomscaleError): void;
  /** The links were tried once: chunks may follow. */
  linked(): void;
}

/** Opens a stream on the service and links it, however long that takes; retries end with the uploader. */
export class Opening {
  readonly #context: Context;
  readonly #record: RecordFile;
  readonly #trouble: Trouble;
  readonly #listener: OpeningListener;
  #running: Promise<void> | undefined;
  #linked: Generation | undefined;
  #stopped = false;

  constructor(context: Context, record: RecordFile, trouble: Trouble, listener: OpeningListener) {
    this.#context = context;
    this.#record = record;
    this.#trouble = trouble;
    this.#listener = listener;
  }

  /** True when the stream exists and its links were tried. */
  get isLinked(): boolean {
    return this.#linked === this.#record.generation;
  }

  start(): void {
    if (this.#stopped) return;
    this.#running ??= this.#run()
      .catch((error: unknown) => this.#listener.problem(asAtomscale(error)))
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Tries again after the settings were corrected. */
  retry(): void {
    if (this.#record.generation.opening !== 'refused') return;
    this.#record.generation.opening = 'wanted';
    this.start();
  }

  /** The stream is given up: no call is made after the one under way. */
  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when nothing runs any more; call it when the context is closing. */
  async closed(): Promise<void> {
    await this.#running;
  }

  /** The generation may change on the way: the service closed the stream, another one takes over. */
  async #run(): Promise<void> {
    for (let generation: Generation | undefined; generation !== this.#record.generation; ) {
      generation = this.#record.generation;
      if (generation.opening !== 'done' && !(await this.#open(generation))) return;
      if (this.#elsewhere()) return;
      await this.#link(generation);
    }
  }

  /** A data_id of another endpoint means nothing here, and the key is not for there. */
  #elsewhere(): boolean {
    const { endpoint } = this.#record.data;
    const here = this.#context.api.endpoint;
    if (endpoint === here) return false;
    this.#listener.waiting(
      new AtomscaleError(
        'ERR_API',
        `the stream was opened at ${endpoint}, the account now points to ${here}; set the endpoint back to deliver what waits`,
      ),
    );
    return true;
  }

  async #open(generation: Generation): Promise<boolean> {
    const { api, clock, access, closing, log } = this.#context;
    await sleep(this.#trouble.rest, closing);
    await clock.compared();
    if (generation.opening === 'creating') {
      log.warn(
        `stream ${this.#record.folder}: the process ended while the stream was being created; the service may hold an empty one of the same name`,
      );
    }
    while (!closing.aborted) {
      await access.granted();
      if (closing.aborted || this.#stopped) return false;
      try {
        await openGeneration(api, this.#record);
        await clock.compared(true);
        this.#listener.opened();
        return true;
      } catch (error) {
        await this.#notCreated(generation, error);
        if (closing.aborted || this.#stopped) return false;
        const verdict = await access.verdict(error);
        if (verdict === 'unauthorized') access.pause(asAtomscale(error));
        else if (verdict === 'refused') {
          await this.#refuse(generation, asAtomscale(error));
          return false;
        } else await sleep(this.#listener.waiting(asAtomscale(error)), closing);
      }
    }
    return false;
  }

  /** The create call failed under our eyes: a restart need not wonder about it. */
  async #notCreated(generation: Generation, error: unknown): Promise<void> {
    if (generation.opening !== 'creating') return;
    if (wasUnanswered(error)) {
      this.#context.log.warn(
        `stream ${this.#record.folder}: creating it got no answer (${(error as Error).message}); ` +
          'it is created again, the service may hold an empty one of the same name',
      );
    }
    const recorded = this.#record.update(() => {
      generation.opening = 'wanted';
    });
    await recorded.catch((unwritten: unknown) => this.#context.log.warn((unwritten as Error).message));
  }

  async #refuse(generation: Generation, error: AtomscaleError): Promise<void> {
    this.#listener.failed(error);
    await this.#record.update(() => {
      generation.opening = 'refused';
      generation.error = { code: error.code, message: error.message };
    });
  }

  /** Data goes on whatever becomes of the links: the first round comes before the chunks, retries beside them. */
  async #link(generation: Generation): Promise<void> {
    const { closing } = this.#context;
    for (let failures = 1; !closing.aborted && generation === this.#record.generation; failures += 1) {
      const pending = await this.#linkOnce(generation);
      if (this.#linked !== generation) {
        this.#linked = generation;
        this.#listener.linked();
      }
      if (pending === undefined) return;
      await sleep(backoff(failures, pending), closing);
    }
  }

  /** @returns the error after which it is to be tried again */
  async #linkOnce(generation: Generation): Promise<unknown> {
    const { api, access } = this.#context;
    for (const link of generation.links) {
      if (link.state !== 'wanted') continue;
      let state: 'done' | 'refused' = 'done';
      try {
        await makeLink(api, this.#record, generation, link);
      } catch (error) {
        const verdict = await access.verdict(error);
        if (verdict === 'unauthorized') {
          access.pause(asAtomscale(error));
          return error;
        }
        if (verdict === 'transient') return error;
        state = 'refused';
        this.#listener.problem(
          new AtomscaleError(
            'ERR_API',
            `stream ${generation.data_id}: its ${link.what} could not be linked (${(error as Error).message}); ` +
              'the data goes on, link it on the website',
            { cause: error },
          ),
        );
      }
      await this.#record.update(() => {
        link.state = state;
      });
    }
    return undefined;
  }
}

const asAtomscale = (error: unknown): AtomscaleError =>
  error instanceof AtomscaleError ? error : new AtomscaleError('ERR_API', String(error), { cause: error });
