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
  #repeats = false;
  /** All slices so far ended where frames end: so will the next ones. */
  #isTidy = true;
  /** Nobody knows where in a frame the next slice begins. */
  #isAdrift = false;
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
    this.#isAdrift = !left.isTidy;
  }

  /** The next slice, of this run. */
  hear(run: Run | undefined): void {
    this.#quiet = 0;
    if (this.#isSession || run === undefined) return;
    const isOther = this.#run !== undefined && run.id !== this.#run;
    if (isOther && (run.sure || this.#repeats)) {
      this.restart();
      this.#repeats = false;
    } else if (run.id === this.#run) this.#repeats = true;
    this.#run = run.id;
  }

  /** @throws AtomscaleError ERR_FRAME_FORMAT, ERR_FRAME_SHAPE */
  take(slice: Uint8Array, readLayout: () => Layout): Uint8Array[] {
    const joiner = this.#joinerFor(readLayout);
    try {
      return joiner.take(slice);
    } finally {
      this.#isTidy &&= joiner.atEnd;
    }
  }

  /** A slice of so many bytes was refused before it came here. */
  gap(bytes: number, readLayout: () => Layout): void {
    try {
      this.#joinerFor(readLayout).gap(bytes);
    } catch {
      // Adrift, which the next slice is told.
    }
  }

  /** The stream was finalized, the source not. */
  drop(): void {
    this.#joiner?.drop();
  }

  restart(): void {
    if (this.#joiner?.begun) this.#cut('ended');
    this.#joiner = undefined;
    this.#isAdrift = false;
    this.#isTidy = true;
  }

  /** Once a second. */
  tick(): void {
    this.#quiet += 1;
    if (this.#quiet !== (this.#isSession ? 6 * QUIET : QUIET)) return;
    if (this.isOver) this.restart();
    else this.#joiner?.drop();
  }

  #joinerFor(readLayout: () => Layout): Joiner {
    const layout = this.#read(readLayout);
    const known = this.#layout;
    const isSame = known?.format === layout.format && known.frameBytes === layout.frameBytes;
    if (this.#joiner && !isSame) this.restart();
    this.#layout = layout;
    if (this.#isAdrift && layout.frameBytes > 0) refuseAdrift();
    if (this.#joiner) return this.#joiner;
    this.#joiner = this.#join(layout, this.#cut);
    if (this.#isAdrift) this.#joiner.gap(0);
    this.#isAdrift = false;
    return this.#joiner;
  }

  #read(readLayout: () => Layout): Layout {
    try {
      return readLayout();
    } catch (error) {
      // These bytes are gone: where the next frame begins is not known any more.
      if (this.#joiner?.begun) this.#cut('broken');
      this.#joiner = undefined;
      this.#isAdrift = true;
      throw error;
    }
  }
}

function refuseAdrift(): never {
  throw new AtomscaleError(
    'ERR_FRAME_SHAPE',
    'payload: expected a byte stream from its beginning, got one whose earlier bytes were missed (the node was ' +
      `deployed, or its settings corrected, while the source went on): start the source again, or pause it ${QUIET} s`,
  );
}
