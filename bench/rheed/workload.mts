/** Frames to be streamed: in a file, the same bytes for all sides. */
export interface Workload {
  /** Pixels of different frames one after the other, C order, uint8. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly chunkSize: number;
  /** In the file: frame i of the stream is that at i modulo `frames`. Whole chunks of them where these are pushed. */
  readonly frames: number;
  /** Chunks to stream. */
  readonly chunks: number;
  /** Encoded images of the file's frames in order, when these are streamed instead of pixels. */
  readonly images?: readonly string[];
  /** Gray levels that a pixel may be off, 0 by default: JPEG decoders round differently. */
  readonly tolerance?: number;
}

export const chunkBytes = ({ width, height, chunkSize }: Workload): number => width * height * chunkSize;
