import { type ApiClient, verdictOf } from './api/client.js';
import { listSamples } from './api/samples.js';
import { sleep } from './backoff.js';
import { AtomscaleError } from './errors.js';
import type { Logger } from './log.js';
import type { AccountRecord } from './spool/account-record.js';

const PROBE_INTERVAL = 60_000;

/**
 * Whether the service lets this account in. Without a valid key everything is kept and nothing is sent; it is
 * tried again every minute, and at once with a new key, since a new key makes a new account.
 */
export class Access {
  readonly #api: ApiClient;
  readonly #log: Logger;
  readonly #record: AccountRecord;
  readonly #changed: () => void;
  readonly #closing: AbortSignal;
  #refusal: { error: AtomscaleError; since: number } | undefined;
  #probing: Promise<void> | undefined;
  #opened: (() => void)[] = [];

  constructor(api: ApiClient, log: Logger, record: AccountRecord, closing: AbortSignal, changed: () => void) {
    this.#api = api;
    this.#log = log;
    this.#record = record;
    this.#changed = changed;
    this.#closing = closing;
    if (api.hasKey) return;
    this.#refuse(
      new AtomscaleError(
        'ERR_AUTH',
        'no API key: expected one in the account or in AS_API_KEY; everything is kept until it is set',
      ),
    );
  }

  /** Why and since when nothing is sent; undefined while the account is let in. */
  get refusal(): { readonly error: AtomscaleError; readonly since: number } | undefined {
    return this.#refusal;
  }

  /** Resolves when the account is let in, or is closing. */
  async granted(): Promise<void> {
    if (this.#refusal === undefined || this.#closing.aborted) return;
    await new Promise<void>((resolve) => {
      this.#opened.push(resolve);
    });
  }

  pause(error: AtomscaleError): void {
    if (this.#refusal !== undefined || this.#closing.aborted) return;
    this.#refuse(error);
    this.#changed();
    this.#probing ??= this.#probe();
  }

  /** A call got through: the key is accepted. */
  worked(): void {
    if (this.#refusal === undefined) this.#remember(null);
  }

  /** What a failed call means: a 403 is about the key when everything is forbidden, else about one thing only. */
  async verdict(error: unknown): Promise<'transient' | 'unauthorized' | 'refused'> {
    const verdict = verdictOf(error);
    if (verdict !== 'forbidden') return verdict;
    try {
      await listSamples(this.#api);
      return 'refused';
    } catch (other) {
      // Unanswered, the question stays open: what was sent is tried again, not put into quarantine.
      const about = verdictOf(other);
      return about === 'forbidden' ? 'unauthorized' : about;
    }
  }

  /** Ends the probing and lets waiters go. */
  async close(): Promise<void> {
    this.#open();
    await this.#probing;
  }

  /** Resolves when what the last answers said is on disk: then the folder may be another process's. */
  settled(): Promise<void> {
    return this.#record.settled();
  }

  async #probe(): Promise<void> {
    while (this.#refusal !== undefined && !this.#closing.aborted) {
      await sleep(PROBE_INTERVAL, this.#closing);
      if (this.#closing.aborted || !this.#api.hasKey) continue;
      try {
        await listSamples(this.#api);
        this.#refusal = undefined;
        this.#remember(null);
        this.#log.info('the key is accepted again');
      } catch (error) {
        const verdict = verdictOf(error);
        if (verdict === 'refused') this.#refusal = undefined;
      }
    }
    this.#probing = undefined;
    if (this.#closing.aborted) return;
    this.#open();
    this.#changed();
  }

  #refuse(error: AtomscaleError): void {
    const since = this.#record.pausedSince ?? Date.now();
    this.#refusal = { error, since };
    this.#remember(since);
    this.#log.warn(`paused: ${error.message}`);
  }

  #remember(since: number | null): void {
    this.#record
      .setPausedSince(since)
      .catch((error: unknown) => this.#log.warn(`account.json: ${(error as Error).message}`));
  }

  #open(): void {
    for (const resolve of this.#opened.splice(0)) resolve();
  }
}
