/** Cameras into a real Node-RED, and what that cost it: memory and event loop, idle before and under load. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Arrived, CheckedSandbox } from './checked-sandbox.mts';
import type { Result } from './extension.mts';
import { withNodeRed } from './node-red.mts';

export interface CameraLoad {
  readonly version: 4 | 5;
  readonly cameras: number;
  readonly fps: number;
  /** Frames in a chunk; by default two seconds of them. */
  readonly chunkSize?: number;
  readonly seconds: number;
  /** Of the idle process, before. */
  readonly idleSeconds: number;
  /** Of the samples, ms. */
  readonly interval: number;
  /** Seconds after the beginning within which the service does not answer. */
  readonly outage?: readonly [from: number, to: number];
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
  const sandbox = await CheckedSandbox.start();
  try {
    return await runInto(sandbox, load);
  } finally {
    await sandbox.close();
  }
}

async function runInto(sandbox: CheckedSandbox, load: CameraLoad): Promise<CameraRun> {
  const { version, cameras, fps, chunkSize = '', seconds, idleSeconds, interval } = load;
  const ids = Array.from({ length: cameras }, (_, i) => `camera-${i}`);
  const nodes = ids.map((id) => ({ id, type: 'rheed-stream', fps, chunkSize, autoStart: true }));
  return withNodeRed({ version, endpoint: sandbox.url, nodes }, async (red, run) => {
    const cam = (count: number) => run({ kind: 'cameras', nodes: ids, fps, count, interval });
    const end = async (streams: number): Promise<readonly Arrived[]> => {
      for (const id of ids) await red.send(id, { action: 'finalize' });
      const state = await sandbox.ended(streams, 300_000);
      const faults = [...state.complaints, ...state.streams.flatMap((stream) => stream.faults)];
      if (faults.length > 0) throw new Error(`not everything arrived as it was sent: ${faults.join('; ')}`);
      return state.streams;
    };
    // What is loaded at the first frames belongs to the idle process.
    await cam(2 * fps);
    await end(cameras);
    const idle = await run({ kind: 'idle', seconds: idleSeconds, interval });
    const beside = monitorEventLoopDelay({ resolution: 1 });
    const timers = besides(sandbox, load);
    beside.enable();
    const loaded = await cam(fps * seconds).finally(() => timers.forEach(clearTimeout));
    beside.disable();
    const arrived = (await end(2 * cameras)).slice(cameras);
    const missing = arrived.filter(({ intact }) => intact !== fps * seconds);
    if (missing.length > 0)
      throw new Error(`expected ${fps * seconds} frames of each camera, got ${JSON.stringify(missing)}`);
    return { idle, loaded, beside_ms: beside.percentile(99) / 1e6, frames: cameras * fps * seconds };
  });
}

/** What happens meanwhile. */
function besides(sandbox: CheckedSandbox, { cameras, outage, progress }: CameraLoad): NodeJS.Timeout[] {
  const tell = async (): Promise<void> => {
    const { streams } = await sandbox.state();
    const intact = streams.slice(cameras).reduce((sum, stream) => sum + stream.intact, 0);
    progress?.(`${intact} frames intact`);
  };
  const timers = progress === undefined ? [] : [setInterval(() => void tell(), 10_000)];
  if (outage === undefined) return timers;
  const [from, to] = outage;
  const set = (down: boolean, at: number) => setTimeout(() => void sandbox.down(down), at * 1000);
  return [...timers, set(true, from), set(false, to)];
}
