import { putLatest } from '../../common/latest.js';
import { AutoJoiner } from './auto-joiner.js';
import { ImageJoiner } from './image-joiner.js';
import type { Cut, Joiner } from './joiner.js';
import { RawJoiner } from './raw-joiner.js';
import { runOf, type SliceMessage, sessionOf, sliceBytes, sliceLength } from './slice.js';
import { type Layout, type LeftSource, Source } from './source.js';

/** What the sources of a node were when it closed. */
interface Left {
  /** Monotonic, ms. */
  readonly at: number;
  readonly sources: Map<string, LeftSource>;
}

/** By node. A redeploy of the node alone does not stop its sources. */
const left = new Map<string, Left>();
/** Milliseconds after which a source without a name has paused in between, or is another one. */
const PAUSE = 5_000;

/** Frames that a slice completed. */
export interface Joined {
  /** Parts that hold whole frames, valid until the next slice of that source. */
  readonly parts: readonly Uint8Array[];
  readonly images: boolean;
}

/** The byte sources of one node, told apart by `msg.stream` and by connection (`msg._session.id`). */
export class ByteSources {
  readonly #node: string;
  readonly #cut: (stream: string, why: Cut) => void;
  readonly #streams = new Map<string, Map<string, Source>>();
  readonly #before: Left | undefined;

  /**
   * @param node its id
   * @param cut told of each frame that had begun and is not sent
   */
  constructor(node: string, cut: (stream: string, why: Cut) => void) {
    this.#node = node;
    this.#cut = cut;
    this.#before = left.get(node);
    left.delete(node);
  }

  /**
   * @param readLayout may throw: the slice is then refused, and has its place all the same
   * @throws AtomscaleError ERR_FRAME_FORMAT, ERR_FRAME_SHAPE
   */
  take(msg: SliceMessage, stream: string, readLayout: () => Layout): Joined {
    const source = this.#source(msg, stream);
    const slice = bytesOf(msg, source);
    const parts = source.take(slice, readLayout);
    return { parts, images: source.images };
  }

  /** A slice is refused unread: what is returned takes note of it, and keeps nothing of the message. */
  missed(msg: SliceMessage): (stream: string, readLayout: () => Layout) => void {
    const bytes = sliceLength(msg.payload);
    const { _msgid, _session, parts } = msg;
    return (stream, readLayout) => this.#source({ _msgid, _session, parts }, stream).gap(bytes, readLayout);
  }

  /**
   * What was taken for whole frames is none: should it be the slice of a source, and the node be set right while the
   * source goes on, its beginning is gone.
   */
  refused(msg: SliceMessage, stream: string): void {
    if (sliceLength(msg.payload) > 0) this.#source(msg, stream).lose();
  }

  /** What came so far for this stream is finalized. */
  ended(stream: string): void {
    for (const source of this.#streams.get(stream)?.values() ?? []) source.drop();
  }

  /** Once a second. */
  tick(): void {
    for (const [stream, sources] of this.#streams) {
      for (const [session, source] of sources) {
        source.tick();
        if (source.isOver) sources.delete(session);
      }
      if (sources.size === 0) this.#streams.delete(stream);
    }
  }

  /** The node closes: its sources may go on. */
  close(): void {
    const sources = new Map<string, LeftSource>();
    for (const [stream, own] of this.#streams) {
      for (const [session, source] of own) {
        source.drop();
        sources.set(nameOf(stream, session), source.left);
      }
    }
    if (sources.size > 0) left.set(this.#node, { at: performance.now(), sources });
    this.#streams.clear();
  }

  /** The source of a slice, which has heard of it. */
  #source(msg: SliceMessage, stream: string): Source {
    const session = sessionOf(msg);
    const sources = this.#streams.get(stream) ?? new Map<string, Source>();
    this.#streams.set(stream, sources);
    let source = sources.get(session);
    if (!source) {
      source = new Source(session !== '', join, (why) => this.#cut(stream, why));
      const before = this.#takeLeft(nameOf(stream, session));
      if (before) source.resume(before);
      putLatest(sources, session, source)?.restart();
    }
    source.hear(runOf(msg));
    return source;
  }

  /** What a source was that goes on, or may go on, from before. */
  #takeLeft(name: string): LeftSource | undefined {
    const before = this.#before?.sources.get(name);
    this.#before?.sources.delete(name);
    const isRecent = performance.now() - (this.#before?.at ?? 0) < PAUSE;
    return before?.isNamed || isRecent ? before : undefined;
  }
}

/** A text that is none any more was bytes of the source. */
function bytesOf({ payload }: SliceMessage, source: Source): Uint8Array {
  try {
    return sliceBytes(payload);
  } catch (error) {
    if (typeof payload === 'string') source.lose();
    throw error;
  }
}

const nameOf = (stream: string, session: string): string => `${stream} ${session}`;

function join({ format, frameBytes }: Layout, cut: (why: Cut) => void): Joiner {
  const choose = (images: boolean): Joiner =>
    images ? new ImageJoiner(cut) : new RawJoiner(frameBytes, cut);
  return format === 'auto' && frameBytes > 0 ? new AutoJoiner(choose) : choose(frameBytes === 0);
}
