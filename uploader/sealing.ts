import type { AtomscaleError } from './errors.js';
import type { Shipping } from './shipping.js';
import type { Sidecar } from './spool/entry.js';
import type { Quarantine } from './spool/quarantine.js';
import { recoverNumber } from './spool/recovery.js';
import type { RecordFile } from './spool/stream-record.js';

/** What a stream does for its sealing, and is told of it. */
export interface SealingListener {
  /** Seals what is open. */
  seal(): Promise<void>;
  /** A chunk's files were taken up. */
  takenUp(): void;
  /** Perhaps that was all. */
  sealed(): void;
  /** The disk does not let it be: it is tried again. */
  waiting(error: unknown): void;
  problem(error: AtomscaleError): void;
}

/** Makes a stream's open chunks deliverable: at its end, after a restart, back from the quarantine. */
export class Sealing<S extends Sidecar> {
  readonly #record: RecordFile;
  readonly #quarantine: Quarantine;
  readonly #shipping: Shipping<S>;
  readonly #listener: SealingListener;
  #ending: Promise<void> | undefined;
  #remainder: Promise<void> | undefined;
  #isDone = false;

  constructor(record: RecordFile, quarantine: Quarantine, shipping: Shipping<S>, listener: SealingListener) {
    this.#record = record;
    this.#quarantine = quarantine;
    this.#shipping = shipping;
    this.#listener = listener;
  }

  /** Everything accepted before the finalize intent is sealed. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Seals what is open, once: a second call beside the first would find nothing left to seal while the first one's
   * chunk is not queued yet, and end the stream before it.
   */
  end(): Promise<void> {
    this.#ending ??= this.#sealOnce().finally(() => {
      this.#ending = undefined;
    });
    return this.#ending;
  }

  /** What a full disk did not let be sealed at the start, as soon as it does: a chunk a call. */
  remainder(): void {
    const [number] = this.#shipping.unsealed;
    if (number === undefined) return;
    this.#remainder ??= this.#sealLater(number).finally(() => {
      this.#remainder = undefined;
    });
  }

  /** Resolves when no remainder is at work. */
  async settled(): Promise<void> {
    await this.#remainder;
  }

  /** Takes a chunk's files up as they lie: what holds is among those that wait afterwards, all else is told. */
  async takeUp(number: number): Promise<void> {
    const { sidecar, problem } = await recoverNumber(this.#record, this.#quarantine, number);
    this.#shipping.unsealed.delete(number);
    if (sidecar !== undefined) this.#shipping.addFound(sidecar as S);
    if (problem !== undefined) this.#listener.problem(problem);
    this.#listener.takenUp();
  }

  async #sealOnce(): Promise<void> {
    try {
      if (!this.#isDone) await this.#listener.seal();
      this.#isDone = true;
      this.#listener.sealed();
    } catch (error) {
      // The intent is on disk; sealing is tried again every second until the disk allows it.
      this.#listener.waiting(error);
    }
  }

  async #sealLater(number: number): Promise<void> {
    try {
      await this.takeUp(number);
      this.#listener.sealed();
    } catch (error) {
      this.#listener.waiting(error);
    }
  }
}
