import { sleep } from './backoff.js';
import type { Context } from './context.js';
import type { ApiError, AtomscaleError } from './errors.js';

/** What a stream wants to know of its end. */
export interface EndingListener {
  /** @returns milliseconds until the next try */
  waiting(error: unknown): number;
  problem(error: AtomscaleError): void;
}

/**
 * Ends a stream on the service, however often that must be asked. 404 and 409 mean that it had ended already.
 *
 * @returns false when the uploader closed before: the intent stays in the record
 */
export async function endOnService(
  { access, closing }: Context,
  end: () => Promise<void>,
  listener: EndingListener,
): Promise<boolean> {
  for (;;) {
    await access.granted();
    if (closing.aborted) return false;
    try {
      await end();
      return true;
    } catch (error) {
      if (closing.aborted) return false;
      const verdict = await access.verdict(error);
      if (verdict === 'refused') {
        const { status } = error as ApiError;
        if (status !== 404 && status !== 409) listener.problem(error as AtomscaleError);
        return true;
      }
      if (verdict === 'unauthorized') access.pause(error as AtomscaleError);
      else await sleep(listener.waiting(error), closing);
    }
  }
}
