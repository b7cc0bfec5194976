import { EventEmitter } from 'node:events';
import type { AtomscaleError } from './errors.js';
import type { Logger } from './log.js';
import type { StatusEvent, StreamEvent } from './types.js';

interface Events {
  /** Output 1 of a node. */
  stream: [StreamEvent];
  /** Output 2 of a node. */
  status: [StatusEvent];
  /** What a person must know and a status does not say. */
  problem: [AtomscaleError];
  /** Finalized and reported: the stream is gone. */
  end: [];
}

/** What a stream tells, in order and outside of the call that caused it: a listener's fault is not the stream's. */
export abstract class StreamEvents extends EventEmitter<Events> {
  readonly #log: Logger;
  /** What recovery finds before the stream's node is there is told to the first that listens. */
  readonly #unheard: AtomscaleError[] = [];

  constructor(log: Logger) {
    super();
    this.#log = log;
    (this as EventEmitter).on('newListener', (event) => {
      if (event !== 'problem') return;
      for (const problem of this.#unheard.splice(0)) this.tell('problem', problem);
    });
  }

  protected tell<E extends keyof Events>(event: E, ...values: Events[E]): void {
    setImmediate(() => {
      try {
        const isHeard = (this as EventEmitter).emit(event, ...values);
        if (!isHeard && event === 'problem') this.#keep(values[0] as AtomscaleError);
      } catch (error) {
        this.#log.error(`a listener of "${event}" failed: ${(error as Error).stack}`);
      }
    });
  }

  #keep(problem: AtomscaleError): void {
    this.#log.error(problem.message);
    this.#unheard.push(problem);
  }
}
