import { AtomscaleError } from '../../uploader/errors.js';

/**
 * Runs what reads a message. A message can hold what throws when it is looked at (a getter, a proxy, a memory that
 * was given away): that is the message's fault, and refused like any other.
 *
 * @throws AtomscaleError ERR_VALUE, or as `read` does
 */
export function legible<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw asIllegible(error);
  }
}

export function asIllegible(error: unknown): AtomscaleError {
  if (error instanceof AtomscaleError) return error;
  return new AtomscaleError(
    'ERR_VALUE',
    `msg: expected plain values, got something that cannot be read (${textOf(error)}); send copies of the data`,
  );
}

/** The text of what was thrown, which can itself be anything. */
export function textOf(error: unknown): string {
  try {
    return String((error as Partial<Error> | null)?.message ?? error).slice(0, 200);
  } catch {
    return 'an error without text';
  }
}
