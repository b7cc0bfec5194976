/**
 * Memory in which a frame that came in slices is put together. It is used again and again: what `finish` gives is
 * valid until the frame after the next one is begun, long enough for a slice in which one frame ends and another
 * one begins.
 */
export class Assembly {
  #filling = new Uint8Array();
  #resting = new Uint8Array();
  #length = 0;

  /** Bytes of the frame so far. */
  get length(): number {
    return this.#length;
  }

  /** The bytes so far, valid until the next call. */
  get bytes(): Uint8Array {
    return this.#filling.subarray(0, this.#length);
  }

  /** @param expected bytes that the whole frame will have, 0 = not known */
  append(bytes: Uint8Array, expected = 0): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#filling.length) {
      const larger = new Uint8Array(Math.max(expected, needed, 2 * this.#length));
      larger.set(this.bytes);
      this.#filling = larger;
    }
    this.#filling.set(bytes, this.#length);
    this.#length = needed;
  }

  finish(): Uint8Array {
    const whole = this.bytes;
    [this.#filling, this.#resting] = [this.#resting, this.#filling];
    this.#length = 0;
    return whole;
  }

  /** Forgets the bytes so far, and gives the memory back. */
  clear(): void {
    this.#filling = new Uint8Array();
    this.#resting = new Uint8Array();
    this.#length = 0;
  }
}
