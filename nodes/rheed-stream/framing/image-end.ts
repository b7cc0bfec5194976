/** All bytes were looked at, and the image goes on. */
export const MORE = -1;
/** What comes is not what the format says: this is no image, or one that was cut off. */
export const BROKEN = -2;

/** Follows one encoded image, in slices of any size, to its end. */
export interface ImageEnd {
  /**
   * @param at where to go on in `bytes`: for the first slice where the image begins, for the others 0
   * @returns the index behind the image's last byte, MORE or BROKEN
   */
  walk(bytes: Uint8Array, at: number): number;
  /** Its signature was seen whole. */
  readonly signed: boolean;
}
