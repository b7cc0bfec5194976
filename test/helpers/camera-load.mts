/** Cameras at full rate through a real Node-RED into a sandbox: what arrived, and what it cost. */
import { startSandbox } from '../../sandbox/server.mts';
import type { CameraResult, CameraTask } from './camera-extension.mts';
import { CameraFrames } from './camera-frames.mts';
import { type FlowNode, NodeRed, type Probe } from './node-red.mts';

export interface CameraLoad {
  readonly cameras: number;
  readonly fps: number;
  readonly seconds: number;
  readonly version?: 4 | 5;
}

export interface CameraOutcome {
  readonly result: CameraResult;
  /** Frame numbers as stored, a list a camera; NaN where a pixel is not what it was. */
  readonly numbers: number[][];
  readonly complaints: string[];
  readonly idle: Probe;
  readonly loaded: Probe;
  /** Resident bytes over the idle process, the largest seen. */
  readonly growth: number;
}

export async function runCameras({ cameras, fps, seconds, version = 5 }: CameraLoad): Promise<CameraOutcome> {
  const sandbox = await startSandbox();
  const ids = Array.from({ length: cameras }, (_, i) => `camera-${i}`);
  const flow: FlowNode[] = [
    { id: 'tab', type: 'tab', label: 'Cameras' },
    { id: 'account', type: 'atomscale-account', endpoint: sandbox.url, spoolMinFreeBytes: 0 },
    ...ids.map((id) => ({
      id,
      type: 'rheed-stream',
      z: 'tab',
      account: 'account',
      fps,
      autoStart: true,
      wires: [[], []],
    })),
  ];
  const extension = new URL('camera-extension.mts', import.meta.url).pathname;
  const red = await NodeRed.start({
    version,
    flow,
    editor: false,
    extension,
    credentials: { account: { apiKey: 'test-key' } },
  });
  try {
    const cam = (task: CameraTask) => red.extension(task) as Promise<CameraResult>;
    // What is loaded at the first frames (native core, undici, p-queue) belongs to the idle process.
    await cam({ nodes: ids, fps, count: fps });
    for (const id of ids) await red.send(id, { action: 'finalize' });
    await red.waitFor(
      () => sandbox.streams().every(({ ended_at }) => ended_at !== null),
      'the first streams to end',
    );
    await red.probe({ reset: true });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const idle = await red.probe({ reset: true });
    const result = await cam({ nodes: ids, fps, count: fps * seconds });
    const loaded = await red.probe();
    for (const id of ids) await red.send(id, { action: 'finalize' });
    await red.waitFor(
      () => sandbox.streams().every(({ ended_at }) => ended_at !== null),
      'the streams to end',
      60_000,
    );
    const numbers: number[][] = [];
    const frames = new CameraFrames();
    for (const { data_id, frames: count } of sandbox.streams()) {
      if (count === fps) continue;
      const found: number[] = [];
      for (const { index } of sandbox.stream(data_id)?.chunks ?? []) {
        const pixels = await sandbox.readFrames(data_id, index);
        const size = frames.width * frames.height;
        for (let at = 0; at < pixels.length; at += size)
          found.push(frames.numberOf(pixels.subarray(at, at + size)));
      }
      numbers.push(found);
    }
    return {
      result,
      numbers,
      complaints: [...sandbox.complaints],
      idle,
      loaded,
      growth: result.rss - idle.memory.rss,
    };
  } finally {
    await red.dispose();
    await sandbox.close();
  }
}
