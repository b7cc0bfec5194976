/** Cameras into a real Node-RED, and what that cost it: memory and event loop, idle before and under load. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type FlowNode, NodeRed } from '../../test/helpers/node-red.mts';
import { type Arrived, CheckedSandbox } from './checked-sandbox.mts';
import type { Result, Task } from './extension.mts';

export interface CameraLoad {
  readonly version: 4 | 5;
  readonly cameras: number;
  readonly fps: number;
  readonly seconds: number;
  /** Of the idle process, before. */
  readonly idleSeconds: number;
  /** Of the samples, ms. */
  readonly interval: number;
  /** Told what has arrived, every ten seconds. */
  readonly progress?: (text: string) => void;
}

export interface CameraRun {
  readonly idle: Result;
  readonly loaded: Result;
  /** The same delay in a process beside it that does nothing: what the machine had to do otherwise. */
  readonly beside_ms: number;
  readonly frames: number;
}

/** @throws Error when a message was refused, or when not each frame arrived once, intact and in order */
export async function runCameras(load: CameraLoad): Promise<CameraRun> {
  const { version, cameras, fps, seconds, idleSeconds, interval } = load;
  const sandbox = await CheckedSandbox.start();
  try {
    const nodes = Array.from({ length: cameras }, (_, i) => `camera-${i}`);
    const red = await NodeRed.start({
      version,
      flow: flowOf(nodes, fps, sandbox.url),
      editor: false,
      extension: new URL('extension.mts', import.meta.url).pathname,
      credentials: { account: { apiKey: 'bench' } },
    });
    const run = (task: Task): Promise<Result> => red.extension(task) as Promise<Result>;
    const cam = (count: number) => run({ kind: 'cameras', nodes, fps, count, interval });
    const end = async (streams: number): Promise<readonly Arrived[]> => {
      for (const node of nodes) await red.send(node, { action: 'finalize' });
      const state = await sandbox.ended(streams, 120_000);
      const faults = [...state.complaints, ...state.streams.flatMap(({ faults }) => faults)];
      if (faults.length > 0) throw new Error(`not everything arrived as it was sent: ${faults.join('; ')}`);
      return state.streams;
    };
    try {
      // What is loaded at the first frames belongs to the idle process.
      await cam(2 * fps);
      await end(cameras);
      const idle = await run({ kind: 'idle', seconds: idleSeconds, interval });
      const telling = setInterval(async () => {
        const { streams } = await sandbox.state();
        load.progress?.(
          `${streams.slice(cameras).reduce((sum, { intact }) => sum + intact, 0)} frames intact`,
        );
      }, 10_000);
      const beside = monitorEventLoopDelay({ resolution: 1 });
      beside.enable();
      const loaded = await cam(fps * seconds).finally(() => clearInterval(telling));
      beside.disable();
      if (loaded.errors.length > 0) throw new Error(`messages were refused: ${loaded.errors.join('; ')}`);
      const arrived = (await end(2 * cameras)).slice(cameras);
      const missing = arrived.filter(({ intact }) => intact !== fps * seconds);
      if (missing.length > 0)
        throw new Error(`expected ${fps * seconds} frames of each camera, got ${JSON.stringify(missing)}`);
      const beside_ms = beside.percentile(99) / 1e6;
      return { idle, loaded, beside_ms, frames: cameras * fps * seconds };
    } finally {
      await red.dispose();
    }
  } finally {
    await sandbox.close();
  }
}

function flowOf(nodes: readonly string[], fps: number, endpoint: string): FlowNode[] {
  return [
    { id: 'tab', type: 'tab', label: 'Cameras' },
    { id: 'account', type: 'atomscale-account', endpoint, spoolMinFreeBytes: 0 },
    ...nodes.map((id) => ({
      id,
      type: 'rheed-stream',
      z: 'tab',
      account: 'account',
      fps,
      autoStart: true,
      wires: [[], []],
    })),
  ];
}
