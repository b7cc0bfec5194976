import type { Accepted, RheedStream } from '../../uploader/rheed.js';
import type { FrameSpec } from '../../uploader/types.js';
import type { Remark } from '../common/dot.js';
import { putLatest } from '../common/latest.js';

/** Frames after which bits that were never set are believed to be without a signal. */
const ENOUGH_FRAMES = 100;
/** Unset top bits from which on they are worth a remark: less than a quarter of full scale is used. */
const WORTH_A_REMARK = 2;

interface Seen {
  /** Of the stream it was seen in. */
  readonly folder: string;
  /** The stream was finalized: what waits of it is still delivered. */
  isOver: boolean;
  frames: number;
  clipped: number;
  /** Or-ed: the highest significant bit is the highest of 16. */
  bits: number;
  /** Top bits that are never set darken the frames. */
  isFullScale: boolean;
}

/** What was seen of the samples that became gray levels, by `msg.stream`, since the node or its stream began. */
export class PixelWatch {
  readonly #seen = new Map<string, Seen>();

  took(
    { owner, folder }: Pick<RheedStream, 'owner' | 'folder'>,
    { depth }: FrameSpec,
    { frames, clipped, sampleBits }: Accepted,
  ): void {
    const before = this.#seen.get(owner.stream);
    const fresh = { folder, isOver: false, frames: 0, clipped: 0, bits: 0, isFullScale: true };
    const seen = before?.folder === folder ? before : fresh;
    seen.frames += frames;
    seen.clipped += clipped;
    seen.bits |= sampleBits;
    seen.isFullScale = depth === 'full-scale';
    putLatest(this.#seen, owner.stream, seen);
  }

  ended(stream: string): void {
    const seen = this.#seen.get(stream);
    if (seen) seen.isOver = true;
  }

  /** For status messages: `unused_bits` only when there were samples of more than 8 bits. */
  facts(stream: string): { pixels_clipped: number; unused_bits?: number } {
    const seen = this.#seen.get(stream);
    if (!seen) return { pixels_clipped: 0 };
    return {
      pixels_clipped: seen.clipped,
      ...(seen.bits === 0 ? {} : { unused_bits: unusedBits(seen) }),
    };
  }

  /** For the dot: over all open streams the clipped pixels, and the top bits that no frame of one ever used. */
  remarks(): Remark[] {
    const all = [...this.#seen.values()].filter(({ isOver }) => !isOver);
    const remarks: Remark[] = [];
    const clipped = all.reduce((sum, seen) => sum + seen.clipped, 0);
    if (clipped > 0) remarks.push(['clipped', { clipped }]);
    const sure = all.filter(
      ({ frames, bits, isFullScale }) => frames >= ENOUGH_FRAMES && bits > 0 && isFullScale,
    );
    const unused = Math.max(0, ...sure.map(unusedBits));
    if (unused >= WORTH_A_REMARK) remarks.push(['unusedBits', { unused }]);
    return remarks;
  }
}

const unusedBits = ({ bits }: Seen): number => Math.clz32(bits) - 16;
