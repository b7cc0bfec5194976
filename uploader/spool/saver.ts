/** Writes a state that changes in memory: one write after the other, each of what is there when it begins. */
export class Saver {
  readonly #write: () => Promise<void>;
  #saving: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(write: () => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when the state of now is written; calls that come while a write is under way share the next one. */
  save(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#saving === undefined) {
      this.#saving = this.#writeOnce();
      return this.#saving;
    }
    this.#next = this.#saving
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        this.#saving = this.#writeOnce();
        return this.#saving;
      });
    return this.#next;
  }

  /** Waits for writes under way. */
  async settled(): Promise<void> {
    while (this.#saving !== undefined || this.#next !== undefined) {
      await (this.#next ?? this.#saving)?.catch(() => undefined);
    }
  }

  async #writeOnce(): Promise<void> {
    try {
      await this.#write();
    } finally {
      this.#saving = undefined;
    }
  }
}
