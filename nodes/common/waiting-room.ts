import { AtomscaleError } from '../../uploader/errors.js';

const MAX_MESSAGES = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** What a message without a buffer is taken to cost. */
const SMALL_MESSAGE = 1024;

/** Bytes a payload holds in memory, near enough: rows of a nested array are taken to be alike. */
export function weigh(payload: unknown): number {
  if (ArrayBuffer.isView(payload)) return payload.byteLength;
  if (!Array.isArray(payload)) return SMALL_MESSAGE;
  const first: unknown = payload[0];
  return SMALL_MESSAGE + payload.length * (typeof first === 'object' && first !== null ? weigh(first) : 8);
}

/** Bounds what a node keeps in memory while its spool opens: nothing is on disk yet for these messages. */
export class WaitingRoom {
  #messages = 0;
  #bytes = 0;

  /**
   * Lets a message wait; the function returned takes it out again.
   *
   * @throws AtomscaleError ERR_OVERLOAD
   */
  enter(payload: unknown): () => void {
    const bytes = weigh(payload);
    if (this.#messages > 0 && (this.#messages >= MAX_MESSAGES || this.#bytes + bytes > MAX_BYTES)) {
      throw new AtomscaleError(
        'ERR_OVERLOAD',
        `expected the spool to open before ${MAX_BYTES} bytes or ${MAX_MESSAGES} messages wait in memory, ` +
          `got ${this.#messages} messages of ${this.#bytes} bytes; send the message again later`,
      );
    }
    this.#messages += 1;
    this.#bytes += bytes;
    return () => {
      this.#messages -= 1;
      this.#bytes -= bytes;
    };
  }
}
