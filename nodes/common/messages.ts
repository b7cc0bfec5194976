import type { NodeMessage } from 'node-red';
import type { StatusEvent, StreamEvent, StreamKind } from '../../uploader/types.js';

/** Properties of the message that opened a stream, which every message about that stream carries. */
export type Opener = Readonly<Record<string, unknown>>;

type Clone = <T extends NodeMessage>(msg: T) => T;

/** A message without its data and without what belongs to one HTTP request; frames are not cloned for it. */
export function openerOf(msg: NodeMessage, clone: Clone): Opener {
  const { payload: _payload, req: _req, res: _res, ...kept } = msg;
  return clone(kept);
}

/** What is known of the opener after a restart. */
export function openerFromDisk(topic: string | undefined, stream: string): Opener {
  return topic === undefined ? { stream } : { topic, stream };
}

/** Output 1: what became of a stream. */
export function streamMessage(opener: Opener, stream: string, event: StreamEvent, clone: Clone): NodeMessage {
  return { ...clone({ ...opener }), ...event, stream, payload: event.data_id };
}

/** Output 2: how a stream is doing. */
export function statusMessage(opener: Opener, event: StatusEvent, clone: Clone): NodeMessage {
  return { ...clone({ ...opener }), stream: event.stream, payload: event };
}

/** The answer to a question about a stream that is not open. */
export function nothingOpen(kind: StreamKind, stream: string, spoolBytes: number): StatusEvent {
  return {
    event: 'status',
    stream,
    open: false,
    data_id: null,
    ...(kind === 'rheed' ? { frames: 0 } : { points: 0 }),
    chunks_pending: 0,
    chunks_uploaded: 0,
    spool_bytes: spoolBytes,
    bytes_uploaded: 0,
    rate: 0,
  };
}
