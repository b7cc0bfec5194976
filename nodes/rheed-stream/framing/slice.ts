import { AtomscaleError } from '../../../uploader/errors.js';
import { describe, isRecord, tagOf } from '../../common/kinds.js';

/** What of a message tells where its bytes belong. */
export interface SliceMessage {
  readonly payload?: unknown;
  readonly _msgid?: unknown;
  readonly _session?: unknown;
  readonly parts?: unknown;
}

/**
 * The bytes of a payload under `framing: bytes`. `exec` makes a text of a slice that happens to be valid UTF-8: in
 * UTF-8 it is the same bytes again.
 *
 * @throws AtomscaleError ERR_FRAME_FORMAT
 */
export function sliceBytes(payload: unknown): Uint8Array {
  if (typeof payload === 'string') return textBytes(payload);
  const tag = tagOf(payload);
  if (tag === 'Uint8Array' || tag === 'Uint8ClampedArray') {
    const { buffer, byteOffset, byteLength } = payload as Uint8Array;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  throw new AtomscaleError(
    'ERR_FRAME_FORMAT',
    `payload: expected a Buffer, a Uint8Array or a string of a byte stream (framing bytes), got ${describe(payload)}`,
  );
}

/** A node that makes text of all bytes has put U+FFFD where they were none. */
function textBytes(text: string): Uint8Array {
  if (!text.includes('\ufffd')) return Buffer.from(text, 'utf8');
  throw new AtomscaleError(
    'ERR_FRAME_FORMAT',
    'payload: expected bytes, got a text that they were lost in; let the node before give a Buffer',
  );
}

/** How many bytes `sliceBytes` would give; 0 for what it refuses. */
export function sliceLength(payload: unknown): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload, 'utf8');
  return ArrayBuffer.isView(payload) ? payload.byteLength : 0;
}

/**
 * The run that a slice belongs to, by which a source that began anew is seen.
 *
 * `sure`: another id is another run. Else only for a source that has shown one id twice: `exec` sends each slice of
 * a run under the id of the message that started it, most other nodes under an id of its own.
 */
export interface Run {
  readonly id: unknown;
  readonly sure: boolean;
}

/** Undefined when the message does not tell. */
export function runOf({ _msgid, parts }: SliceMessage): Run | undefined {
  if (parts === undefined) return _msgid === undefined ? undefined : { id: _msgid, sure: false };
  // `file in` gives a file in slices; `split` gives slices of what may itself be one.
  const isFile = isRecord(parts) && parts.type === 'buffer' && parts.ch === '' && parts.len === undefined;
  return isFile ? { id: parts.id, sure: true } : undefined;
}

/** The connection that a slice came by, '' when the message does not tell. */
export function sessionOf({ _session }: SliceMessage): string {
  return isRecord(_session) && _session.id !== undefined ? `${_session.type}:${_session.id}` : '';
}
