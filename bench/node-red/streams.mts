import { CameraFrames } from '../../test/helpers/camera-frames.mts';
import type { Feeder } from './extension.mts';

export interface StreamsTask {
  readonly kind: 'streams';
  readonly node: string;
  /** Values of `msg.stream`; each stream is open already. */
  readonly streams: readonly string[];
  /** Messages of each stream that wait for their done() at once. */
  readonly window: number;
  readonly framesPerMessage: number;
  readonly seconds: number;
}

/** Sends each stream's next message as soon as one of its own is done, for some seconds; resolves when all are. */
export async function sendStreams(
  { node, streams, window, framesPerMessage, seconds }: StreamsTask,
  feeder: Feeder,
): Promise<void> {
  const frames = new CameraFrames();
  const { width, height } = frames;
  const sent = new Map(streams.map((stream) => [stream, 0]));
  const end = performance.now() + seconds * 1000;
  let underWay = 0;
  await new Promise<void>((resolve) => {
    const send = (stream: string): void => {
      if (performance.now() >= end) {
        if (underWay === 0) resolve();
        return;
      }
      const first = sent.get(stream) ?? 0;
      sent.set(stream, first + framesPerMessage);
      underWay += 1;
      const payload = Array.from({ length: framesPerMessage }, (_, i) => frames.frame(first + i));
      feeder.receive(node, { payload, width, height, stream });
    };
    feeder.ended = ({ stream }) => {
      underWay -= 1;
      send(stream as string);
    };
    for (const stream of streams) for (let i = 0; i < window; i += 1) send(stream);
  });
}
