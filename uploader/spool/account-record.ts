import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { decodeChecked, encodeChecked } from './checked-json.js';
import { writeDurably } from './files.js';
import { Saver } from './saver.js';

const Facts = v.object({ version: v.literal(1), paused_since: v.nullable(v.number()) });

/** `account.json`: since when the service has refused the account's key, which a restart does not forget. */
export class AccountRecord {
  readonly #path: string;
  #pausedSince: number | null;
  readonly #saver = new Saver(() => this.#write());

  private constructor(path: string, pausedSince: number | null) {
    this.#path = path;
    this.#pausedSince = pausedSince;
  }

  /**
   * For the process that owns the folder. A damaged one says nothing: the service's next answer tells. What a process
   * that was killed had begun to write is removed.
   */
  static async read(folder: string): Promise<AccountRecord> {
    const path = join(folder, 'account.json');
    // Where it can't be removed it is written over, or that is refused aloud.
    await rm(`${path}.tmp`, { force: true }).catch(() => undefined);
    const text = await readFile(path, 'utf8').catch(() => '');
    const parsed = v.safeParse(Facts, decodeChecked(text));
    return new AccountRecord(path, parsed.success ? parsed.output.paused_since : null);
  }

  /** Unix ms; null while the key is accepted. */
  get pausedSince(): number | null {
    return this.#pausedSince;
  }

  /** Resolves when it is written. */
  async setPausedSince(unixMs: number | null): Promise<void> {
    if (unixMs === this.#pausedSince) return;
    this.#pausedSince = unixMs;
    await this.#saver.save();
  }

  /** Waits for writes under way. */
  settled(): Promise<void> {
    return this.#saver.settled();
  }

  #write(): Promise<void> {
    return writeDurably(this.#path, encodeChecked({ version: 1, paused_since: this.#pausedSince }));
  }
}
