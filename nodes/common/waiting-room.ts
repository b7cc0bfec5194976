import { AtomscaleError } from '../../uploader/errors.js';

const MAX_MESSAGES = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** What a message without a buffer is taken to cost. */
const SMALL_MESSAGE = 1024;

/** Levels that are weighed one by one: `payload.channels.name.values`, and the texts in them. */
const LEVELS = 4;

/** Bytes a payload holds in memory, near enough: members of an array are taken to be alike. */
export function weigh(payload: unknown, levels = LEVELS): number {
  if (typeof payload === 'string') return SMALL_MESSAGE + 2 * payload.length;
  if (ArrayBuffer.isView(payload)) return payload.byteLength;
  if (typeof payload !== 'object' || payload === null || levels === 0) return SMALL_MESSAGE;
  if (!Array.isArray(payload)) {
    return Object.values(payload).reduce(
      (sum: number, value) => sum + weigh(value, levels - 1),
      SMALL_MESSAGE,
    );
  }
  const first: unknown = payload[0];
  return (
    SMALL_MESSAGE +
    payload.length * (typeof first === 'object' && first !== null ? weigh(first, levels - 1) : 8)
  );
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
