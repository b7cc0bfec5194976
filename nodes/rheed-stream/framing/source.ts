import { AtomscaleError } from '../../../uploader/errors.js';
import type { Cut, Joiner } from './joiner.js';
import type { Run } from './slice.js';

/** How the frames of a byte stream are told apart. */
export interface Layout {
  readonly format: string;
  /** Bytes of a raw frame, its header included; 0 for images. */
  readonly frameBytes: number;
}

/** What a source was when its node closed; the next one with this id goes on from it. */
export interface LeftSource {
  readonly run: unknown;
  readonly repeats: boolean;
  /** It can be told from another one: by its connection, or by the id of its run. */
  readonly isNamed: boolean;
  /** Where its slices end frames end, so that none that is missing shifts the next ones. */
  readonly isTidy: boolean;
}

/** Seconds without a slice after which a frame that has begun is let go. */
const QUIET = 5;

/**
 * One source of bytes: the process, connection or device whose slices follow each other. It knows a restart, after
 * which a frame begins; and it stays refused where nobody can know where frames begin, since a shifted frame is
 * worse than none.
 */
export class Source {
  readonly #join: (layout: Layout, cut: (why: Cut) => void) => Joiner;
  readonly #cut: (why: Cut) => void;
  /** A connection: it ends with its id, and is never another one. */
  readonly #isSession: boolean;
  #joiner: Joiner | undefined;
  #layout: Layout | undefined;
  #run: unknown;
  #runBefore: unknown;
  #repeats = false;
  /** The id changed within a frame: should it be that of a run, a run began there, and frames are shifted since. */
  #isDoubtful = false;
  /** All slices so far ended where frames end: so will the next ones. */
  #isTidy = true;
  /** Bytes since the source began, with those that were refused; undefined = nobody knows: it is adrift. */
  #position: number | undefined = 0;
  /** Frames were looked for in it, by this layout. */
  #isUnderWay = false;
  #quiet = 0;

  constructor(
    isSession: boolean,
    join: (layout: Layout, cut: (why: Cut) => void) => Joiner,
    cut: (why: Cut) => void,
  ) {
    this.#isSession = isSession;
    this.#join = join;
    this.#cut = cut;
  }

  get images(): boolean {
    return this.#joiner?.images === true;
  }

  /** Nothing has come for so long that another source would begin with a frame. */
  get isOver(): boolean {
    return this.#quiet >= QUIET && !this.#isSession && !this.#repeats;
  }

  get left(): LeftSource {
    return {
      run: this.#run,
      repeats: this.#repeats,
      isNamed: this.#isSession || this.#repeats,
      isTidy: this.#isTidy && this.#joiner !== undefined,
    };
  }

  /** The node was redeployed while this source went on, or may have: slices are missing in between. */
  resume(left: LeftSource): void {
    this.#run = left.run;
    this.#repeats = left.repeats;
    this.#position = left.isTidy ? 0 : undefined;
  }

  /** The next slice, of this run. */
  hear(run: Run | undefined): void {
    this.#quiet = 0;
    if (this.#isSession || run === undefined) return;
    const isOther = this.#run !== undefined && run.id !== this.#run;
    if (!isOther) {
      if (run.id === this.#run) this.#repeats = true;
    } else if (!run.sure && run.id === this.#runBefore) {
      // Two runs at once: whose slice is whose can be told, but frames of both are mixed already.
      this.#repeats = true;
      this.#isDoubtful = true;
    } else if (run.sure || this.#repeats) {
      this.restart();
      this.#repeats = false;
    } else this.#isDoubtful ||= !this.#isAtEnd;
    if (isOther) this.#runBefore = this.#run;
    this.#run = run.id;
    if (this.#repeats && this.#isDoubtful && !this.images) this.lose();
  }

  /** @throws AtomscaleError ERR_FRAME_FORMAT, ERR_FRAME_SHAPE */
  take(slice: Uint8Array, readLayout: () => Layout): Uint8Array[] {
    try {
      const joiner = this.#joinerFor(readLayout());
      this.#isUnderWay = true;
      return joiner.take(slice);
    } finally {
      this.#pass(slice.length);
    }
  }

  /** A slice of so many bytes was refused before it came here. */
  gap(bytes: number, readLayout: () => Layout): void {
    try {
      this.#joinerFor(readLayout()).gap(bytes);
    } catch {
      // The next slice is told.
    } finally {
      this.#pass(bytes);
    }
  }

  /** Bytes are missing, and nobody knows how many. */
  lose(): void {
    if (this.#joiner?.begun) this.#cut('broken');
    this.#joiner = undefined;
    this.#position = undefined;
    this.#isTidy = false;
  }

  /** The stream was finalized, the source not. */
  drop(): void {
    this.#joiner?.drop();
  }

  restart(): void {
    if (this.#joiner?.begun) this.#cut('ended');
    this.#joiner = undefined;
    this.#position = 0;
    this.#isUnderWay = false;
    this.#isTidy = true;
    this.#isDoubtful = false;
  }

  /** Once a second. */
  tick(): void {
    this.#quiet += 1;
    if (this.#quiet !== (this.#isSession ? 6 * QUIET : QUIET)) return;
    if (this.isOver) this.restart();
    else this.#joiner?.drop();
  }

  #joinerFor(layout: Layout): Joiner {
    const known = this.#layout;
    this.#layout = layout;
    const isSame = known?.format === layout.format && known.frameBytes === layout.frameBytes;
    if (this.#joiner && isSame) return this.#joiner;
    // Frames of another size begin where nobody knows; where only settings were wrong, all of its bytes are counted.
    if (this.#joiner && this.#isUnderWay) this.lose();
    if (this.#position === undefined && layout.frameBytes > 0) refuseAdrift();
    this.#joiner = this.#join(layout, this.#cut);
    if (this.#position !== 0) this.#joiner.gap(this.#position ?? 0);
    this.#isUnderWay = false;
    return this.#joiner;
  }

  get #isAtEnd(): boolean {
    return this.#joiner ? this.#joiner.atEnd : this.#position === 0;
  }

  #pass(bytes: number): void {
    if (this.#position !== undefined) this.#position += bytes;
    this.#isTidy &&= this.#joiner?.atEnd === true;
  }
}

function refuseAdrift(): never {
  throw new AtomscaleError(
    'ERR_FRAME_SHAPE',
    'payload: expected a byte stream from its beginning, got one whose earlier bytes were missed, or whose frames got ' +
      `another size (the node was deployed while the source went on): start the source again, or pause it ${QUIET} s`,
  );
}
