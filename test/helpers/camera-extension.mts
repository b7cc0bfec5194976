/** Runs inside Node-RED: feeds nodes with frames at a camera's pace and counts how their messages end. */
import type { NodeAPI, NodeMessage } from 'node-red';
import { pace } from '../../scripts/start/pacer.mts';
import { CameraFrames } from './camera-frames.mts';

export interface CameraTask {
  readonly nodes: readonly string[];
  readonly fps: number;
  /** Frames to each node. */
  readonly count: number;
}

export interface CameraResult {
  readonly done: number;
  readonly errors: string[];
  /** Resident bytes, the largest seen. */
  readonly rss: number;
}

export default function install(RED: NodeAPI): (task: CameraTask) => Promise<CameraResult> {
  const frames = new CameraFrames();
  let [done, expected]: [number, number] = [0, 0];
  let errors: string[] = [];
  let finished: () => void = () => {};
  RED.hooks.add('onComplete.camera', ({ msg, error }: { msg: { camera?: boolean }; error?: Error }) => {
    if (!msg.camera) return;
    done += 1;
    if (error) errors.push(error.message);
    if (done === expected) finished();
  });
  return async ({ nodes, fps, count }) => {
    [done, expected, errors] = [0, nodes.length * count, []];
    const receivers = nodes.map((id) => RED.nodes.getNode(id));
    const { width, height } = frames;
    const all = new Promise<void>((resolve) => {
      finished = resolve;
    });
    let stop = (): void => {};
    stop = pace(fps, (number) => {
      if (number >= count) return stop();
      const payload = frames.frame(number);
      for (const node of receivers) node.receive({ payload, width, height, camera: true } as NodeMessage);
    });
    let rss = 0;
    const watch = setInterval(() => {
      rss = Math.max(rss, process.memoryUsage.rss());
    }, 250);
    await all;
    clearInterval(watch);
    return { done, errors, rss };
  };
}
