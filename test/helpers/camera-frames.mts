/** Camera frames that carry their number: believable pixels to compress, checkable one by one. */
import { RheedCamera } from '../../scripts/start/camera.mts';

const DISTINCT = 16;

export class CameraFrames {
  readonly width: number;
  readonly height: number;
  readonly #pool: Uint8Array[];

  constructor(width = 500, height = 300) {
    this.width = width;
    this.height = height;
    const camera = new RheedCamera({ width, height, fps: 120, seed: 7 });
    const base = Array.from({ length: DISTINCT }, (_, i) => camera.frame(i * 11, RheedCamera.atRest));
    this.#pool = Array.from({ length: 4 * DISTINCT }, (_, i) => Uint8Array.from(base[i % DISTINCT] ?? []));
  }

  /** Frame `number`, in a buffer that is used again 64 frames later. */
  frame(number: number): Buffer {
    const frame = this.#pool[number % this.#pool.length] as Uint8Array;
    new DataView(frame.buffer).setUint32(0, number);
    return Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  }

  /** The number of a frame; NaN when any pixel of it is not what it was. */
  numberOf(pixels: Uint8Array): number {
    const number = new DataView(pixels.buffer, pixels.byteOffset).getUint32(0);
    return this.frame(number).equals(pixels) ? number : Number.NaN;
  }
}
