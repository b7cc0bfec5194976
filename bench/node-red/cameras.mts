import { pace } from '../../scripts/start/pacer.mts';
import { CameraFrames } from '../../test/helpers/camera-frames.mts';
import type { Feeder } from './extension.mts';

export interface CamerasTask {
  readonly kind: 'cameras';
  /** The node of each camera. */
  readonly nodes: readonly string[];
  readonly fps: number;
  /** Frames of each camera, one a message. */
  readonly count: number;
}

/** Sends each camera's frames at its pace; resolves when the last one is done. */
export async function sendFrames({ nodes, fps, count }: CamerasTask, feeder: Feeder): Promise<void> {
  const frames = new CameraFrames();
  const { width, height } = frames;
  const all = new Promise<void>((resolve) => {
    feeder.ended = () => {
      if (feeder.done === nodes.length * count) resolve();
    };
  });
  let stop = (): void => {};
  stop = pace(fps, (number) => {
    if (number >= count) return stop();
    const payload = frames.frame(number);
    for (const node of nodes) feeder.receive(node, { payload, width, height });
  });
  await all;
}
