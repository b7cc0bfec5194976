/** One of a kind for all who ask under the same key: the last to let go closes it, and whoever comes meanwhile waits. */
export class Shared<T> {
  readonly #entries = new Map<string, { value: Promise<T>; users: number }>();
  readonly #closings = new Map<string, Promise<void>>();

  async acquire(key: string, open: () => Promise<T>): Promise<T> {
    while (this.#closings.has(key)) await this.#closings.get(key)?.catch(() => undefined);
    const entry = this.#entries.get(key) ?? { value: open(), users: 0 };
    this.#entries.set(key, entry);
    entry.users += 1;
    try {
      return await entry.value;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  async release(key: string, close: () => Promise<void>): Promise<void> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#entries.delete(key);
    const closed = close().finally(() => this.#closings.delete(key));
    this.#closings.set(key, closed);
    await closed;
  }
}
