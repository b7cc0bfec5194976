/** Why a frame that had begun is not sent. */
export type Cut =
  /** The source went silent, began anew or was closed, or the stream was finalized. */
  | 'ended'
  /** Bytes in the middle of it were refused, or are not what the format says. */
  | 'broken';

/** Makes whole frames of the slices of one byte source. */
export interface Joiner {
  /** Frames are encoded images; undefined before that is settled. */
  readonly images: boolean | undefined;
  /**
   * Parts that hold whole frames: views of the slice or of the joiner's own memory, valid until the next call.
   *
   * @throws AtomscaleError ERR_FRAME_FORMAT when the bytes hold no frames; the next ones are looked at all the same
   */
  take(slice: Uint8Array): Uint8Array[];
  /** So many bytes of the source were refused: where frames begin is still known, or found again. */
  gap(bytes: number): void;
  /** Lets go of the frame that has begun. The source may go on: the rest of that frame is none. */
  drop(): void;
  /** Bytes of a frame are held. */
  readonly begun: boolean;
  /** The last slice ended where a frame ends. */
  readonly atEnd: boolean;
}
