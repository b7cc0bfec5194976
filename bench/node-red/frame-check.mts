import type { CameraFrames } from '../../test/helpers/camera-frames.mts';

/** What was found in a stream's chunks: whether they hold the camera's frames from 0 on, each once, in order, intact. */
export class FrameCheck {
  readonly #frames: CameraFrames;
  /** By chunk index: the number of the first frame, and how many there are. */
  readonly #runs = new Map<number, { readonly first: number; readonly count: number }>();
  readonly #faults: string[] = [];
  /** Frames that are what they were, and follow the one before in their chunk. */
  intact = 0;

  constructor(frames: CameraFrames) {
    this.#frames = frames;
  }

  has(index: number): boolean {
    return this.#runs.has(index);
  }

  /** @param frames the pixels of the chunk's frames */
  add(index: number, frames: readonly Uint8Array[]): void {
    const first = frames[0] === undefined ? Number.NaN : this.#frames.numberOf(frames[0]);
    this.#runs.set(index, { first, count: frames.length });
    for (const [i, pixels] of frames.entries()) {
      const number = this.#frames.numberOf(pixels);
      if (number === first + i) this.intact += 1;
      else this.#faults.push(`chunk ${index}: expected frame ${first + i}, got ${number}`);
    }
  }

  /** What is not as it was sent; the order of the chunks is known when all are there. */
  faults(isAll: boolean): string[] {
    return [...this.#faults, ...(isAll ? this.#orderFaults() : [])].slice(0, 10);
  }

  #orderFaults(): string[] {
    let expected = 0;
    const faults: string[] = [];
    for (const [index, { first, count }] of [...this.#runs].sort(([one], [other]) => one - other)) {
      if (first !== expected)
        faults.push(`chunk ${index}: expected it to begin with frame ${expected}, got ${first}`);
      expected = first + count;
    }
    return faults;
  }
}
