import { Repeats } from '../../../uploader/repeats.js';
import type { RheedStream } from '../../../uploader/rheed.js';
import type { FrameBatch } from '../../../uploader/types.js';
import type { Remark } from '../../common/dot.js';
import { putLatest } from '../../common/latest.js';
import type { CountedBatch } from '../frames.js';
import type { Cut } from '../framing/joiner.js';
import { Capture } from './capture.js';
import type { Plan } from './thinning.js';

/** How often the log is told of one thing, ms. */
const LOG_INTERVAL = 60_000;

const WHY: Readonly<Record<Cut, string>> = {
  ended: 'the source stopped, began anew or was finalized in the middle of a frame',
  broken: 'the middle of a frame was refused, or is not what its format says',
};

interface Followed {
  readonly capture: Capture;
  /** Of the stream its frames go to, undefined before the first one. */
  folder: string | undefined;
}

/** The captures of one node's streams, by `msg.stream`: what was thinned, cut off or missed is counted and told. */
export class Captures {
  readonly #followed = new Map<string, Followed>();
  readonly #repeats: Repeats<string>;

  /** @param warn a line for the log */
  constructor(warn: (text: string) => void) {
    this.#repeats = new Repeats(LOG_INTERVAL, (text, untold) =>
      warn(untold < 2 ? text : `${text} (the last of ${untold} within ${LOG_INTERVAL / 1000} s)`),
    );
  }

  /**
   * The frames of a message that are kept, null when none is.
   *
   * @throws AtomscaleError ERR_FRAME_SHAPE
   */
  take(
    { owner, folder, settings }: Pick<RheedStream, 'owner' | 'folder' | 'settings'>,
    counted: CountedBatch,
    plan: Plan,
  ): FrameBatch | null {
    const { stream } = owner;
    let followed = this.#of(stream);
    if (followed.folder !== undefined && followed.folder !== folder) {
      this.#followed.delete(stream);
      followed = this.#of(stream);
    }
    followed.folder = folder;
    const { capture } = followed;
    const { batch, missing, isOff } = capture.take(counted, plan, Number(settings.fps), performance.now());
    if (missing > 0) {
      this.#tell(stream, 'missing', `${capture.missing} frames are missing so far, by the capture times`);
    }
    if (isOff && capture.off) {
      const { measured, declared } = capture.off;
      this.#tell(
        stream,
        'rate',
        `${round(measured)} frames a second come, ${declared} are declared (fps), and the service reads times from ` +
          'that; correct fps, or the camera',
      );
    }
    return batch;
  }

  /** A frame that had begun is not sent. */
  cut(stream: string, why: Cut): void {
    const { capture } = this.#of(stream);
    capture.cut += 1;
    this.#tell(stream, why, `a frame is not whole and is not sent, ${capture.cut} so far: ${WHY[why]}`);
  }

  /** For status messages: what is not zero, and the measured rate once it is known. */
  facts(stream: string): Record<string, number> {
    const capture = this.#followed.get(stream)?.capture;
    if (!capture) return {};
    const { thinned, cut, missing, measured } = capture;
    return {
      ...(measured === null ? {} : { fps_measured: round(measured) }),
      ...(thinned > 0 ? { frames_thinned: thinned } : {}),
      ...(cut > 0 ? { frames_cut: cut } : {}),
      ...(missing > 0 ? { frames_missing: missing } : {}),
    };
  }

  /** For the dot, of all streams. */
  remarks(): Remark[] {
    const all = [...this.#followed.values()].map(({ capture }) => capture);
    const off = all.find((capture) => capture.off)?.off;
    const remarks: Remark[] = off ? [['rateOff', { ...off, measured: round(off.measured) }]] : [];
    for (const name of ['missing', 'cut', 'thinned'] as const) {
      const count = all.reduce((sum, capture) => sum + capture[name], 0);
      if (count > 0) remarks.push([name, { frames: count }]);
    }
    return remarks;
  }

  /** Tells the log what it has not been told yet. */
  close(): void {
    this.#repeats.close();
  }

  #of(stream: string): Followed {
    const followed = this.#followed.get(stream) ?? { capture: new Capture(), folder: undefined };
    putLatest(this.#followed, stream, followed);
    return followed;
  }

  #tell(stream: string, kind: string, text: string): void {
    this.#repeats.hear(`${kind} ${stream}`, stream === '' ? text : `stream "${stream}": ${text}`);
  }
}

const round = (fps: number): number => Math.round(fps * 100) / 100;
