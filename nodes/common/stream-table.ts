import type { AtomscaleError } from '../../uploader/errors.js';
import type { Owner, StatusEvent, StreamEvent, StreamHealth } from '../../uploader/types.js';
import type { AnyStream } from '../../uploader/uploader.js';
import type { Opener } from './messages.js';

/** A stream the node listens to, and the message that opened it. */
export interface Followed<S extends AnyStream> {
  readonly stream: S;
  readonly owner: Owner;
  readonly opener: Opener;
  /** False while no data was accepted and no start was asked for: the service has not been told. */
  begun: boolean;
}

export interface StreamListener<S extends AnyStream> {
  stream(followed: Followed<S>, event: StreamEvent): void;
  status(followed: Followed<S>, event: StatusEvent): void;
  problem(followed: Followed<S>, error: AtomscaleError): void;
}

/** The streams of one node, open ones and those that still deliver, each listened to until it ends. */
export class StreamTable<S extends AnyStream> {
  readonly #listener: StreamListener<S>;
  /** In the order of opening, each with the function that stops listening. */
  readonly #followed = new Map<Followed<S>, () => void>();
  /** How the last stream ended, shown until another one opens. */
  #last: StreamHealth | null = null;

  constructor(listener: StreamListener<S>) {
    this.#listener = listener;
  }

  follow(stream: S, opener: Opener, begun: boolean): void {
    const followed: Followed<S> = { stream, owner: stream.owner, opener, begun };
    const told = (event: StreamEvent) => {
      followed.begun = true;
      this.#listener.stream(followed, event);
    };
    const asked = (event: StatusEvent) => this.#listener.status(followed, event);
    const failed = (error: AtomscaleError) => this.#listener.problem(followed, error);
    const ended = () => {
      this.#last = stream.health();
      this.#followed.get(followed)?.();
      this.#followed.delete(followed);
    };
    stream.on('stream', told).on('status', asked).on('problem', failed).on('end', ended);
    this.#followed.set(followed, () => {
      stream.off('stream', told).off('status', asked).off('problem', failed).off('end', ended);
    });
  }

  /** The stream that takes data under this key. */
  open(key: string): Followed<S> | undefined {
    return this.#of(key).find(({ stream }) => stream.open);
  }

  /** The open stream under this key, else the one that ends last. */
  latest(key: string): Followed<S> | undefined {
    return this.open(key) ?? this.#of(key).at(-1);
  }

  health(): StreamHealth[] {
    const all = [...this.#followed.keys()].map(({ stream }) => stream.health());
    return all.length === 0 && this.#last ? [this.#last] : all;
  }

  /** Listens no more. */
  clear(): void {
    for (const stop of this.#followed.values()) stop();
    this.#followed.clear();
  }

  #of(key: string): Followed<S>[] {
    return [...this.#followed.keys()].filter(({ owner }) => owner.stream === key);
  }
}
