import { existsSync } from 'node:fs';
import { AtomscaleError, type SpoolError } from '../../uploader/errors.js';
import type { Uploader } from '../../uploader/uploader.js';
import type { AccountUser } from '../common/account.js';
import { within } from '../common/within.js';

/** How long after a failed attempt the spool is tried again, ms: another process may have let go of it. */
const RETRY_INTERVAL = 5000;
/** How long a closing account waits for its users, ms; Node-RED allows 15 s in all. */
const CLOSE_WAIT = 10_000;
/** And for the spool to be let go of, ms; whoever opens it next waits for the rest. */
const RELEASE_WAIT = 4000;

/** One uploader for all stream nodes of an account: acquired for the first, released after the last. */
export class Lease {
  readonly #acquire: () => Promise<Uploader>;
  readonly #users = new Set<AccountUser>();
  #attempt: Promise<void> | null = null;
  #uploader: Uploader | null = null;
  #failure: AtomscaleError | null = null;
  #retry: NodeJS.Timeout | undefined;
  /** The spool folder that is no longer there. */
  #gone: string | undefined;
  #closing = false;
  #emptied: () => void = () => {};

  constructor(acquire: () => Promise<Uploader>) {
    this.#acquire = acquire;
  }

  join(user: AccountUser): void {
    this.#users.add(user);
    queueMicrotask(() => {
      if (!this.#users.has(user)) return;
      if (this.#uploader) this.#welcome(user, this.#uploader);
      else if (this.#failure) user.unavailable(this.#failure);
      else this.#attempt ??= this.#try();
    });
  }

  leave(user: AccountUser): void {
    this.#users.delete(user);
    if (this.#users.size === 0) this.#emptied();
  }

  /** Waits for the users to leave (all nodes close at once), then lets go of the spool. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#retry);
    await this.#usersLeft();
    await within(RELEASE_WAIT, this.#release());
  }

  async #release(): Promise<void> {
    await this.#attempt;
    const uploader = this.#uploader;
    this.#uploader = null;
    await uploader?.release();
  }

  async #try(): Promise<void> {
    // One that was there and is gone is waited for: an empty one in its place would hide that.
    if (this.#gone !== undefined && !existsSync(this.#gone)) return this.#tryLater();
    try {
      const uploader = await this.#acquire();
      this.#uploader = uploader;
      this.#failure = null;
      this.#gone = undefined;
      void uploader.lost.then((error) => this.#lose(uploader, error));
    } catch (error) {
      this.#failure = toAtomscaleError(error);
      // A spool can come back (lock released, disk mounted or freed); settings and binaries need a person.
      if (['ERR_SPOOL', 'ERR_SPOOL_FULL'].includes(this.#failure.code)) this.#tryLater();
    }
    this.#tell();
  }

  #tryLater(): void {
    if (this.#closing) return;
    this.#retry = setTimeout(() => {
      this.#attempt = this.#try();
    }, RETRY_INTERVAL);
  }

  async #lose(uploader: Uploader, error: SpoolError): Promise<void> {
    if (this.#uploader !== uploader || this.#closing) return;
    this.#uploader = null;
    this.#failure = error;
    this.#gone = error.path;
    this.#tell();
    this.#attempt = uploader.release().catch(() => undefined);
    await this.#attempt;
    this.#tryLater();
  }

  #tell(): void {
    for (const user of this.#users) {
      if (this.#uploader) this.#welcome(user, this.#uploader);
      else if (this.#failure) user.unavailable(this.#failure);
    }
  }

  #welcome(user: AccountUser, uploader: Uploader): void {
    try {
      user.ready(uploader);
    } catch (error) {
      user.unavailable(toAtomscaleError(error));
    }
  }

  async #usersLeft(): Promise<void> {
    if (this.#users.size === 0) return;
    const left = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    await within(CLOSE_WAIT, left);
  }
}

function toAtomscaleError(error: unknown): AtomscaleError {
  if (error instanceof AtomscaleError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new AtomscaleError('ERR_SPOOL', `expected the spool to open, got ${text}`, { cause: error });
}
