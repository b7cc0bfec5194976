import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { decodeChecked, encodeChecked } from './checked-json.js';
import { writeDurably } from './files.js';

const Facts = v.object({ version: v.literal(1), paused_since: v.nullable(v.number()) });

/** `account.json`: since when the service has refused the account's key, which a restart does not forget. */
export class AccountRecord {
  readonly #path: string;
  #pausedSince: number | null;

  private constructor(path: string, pausedSince: number | null) {
    this.#path = path;
    this.#pausedSince = pausedSince;
  }

  /** A damaged one says nothing: the service's next answer tells. */
  static async read(folder: string): Promise<AccountRecord> {
    const path = join(folder, 'account.json');
    const text = await readFile(path, 'utf8').catch(() => '');
    const parsed = v.safeParse(Facts, decodeChecked(text));
    return new AccountRecord(path, parsed.success ? parsed.output.paused_since : null);
  }

  /** Unix ms; null while the key is accepted. */
  get pausedSince(): number | null {
    return this.#pausedSince;
  }

  async setPausedSince(unixMs: number | null): Promise<void> {
    if (unixMs === this.#pausedSince) return;
    this.#pausedSince = unixMs;
    await writeDurably(this.#path, encodeChecked({ version: 1, paused_since: unixMs }));
  }
}
