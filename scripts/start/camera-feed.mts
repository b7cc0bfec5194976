import { type Growth, RheedCamera, smoothness } from './camera.mts';
import { pace } from './pacer.mts';

/** Publishes one message; resolves when it has left. */
export type Publish = (topic: string, payload: Uint8Array | string) => Promise<void>;

export interface CameraFeed {
  /** The shutter: growing or not. */
  grow(growing: boolean): void;
  /** Frames published, and those given up because the receiver did not keep up. */
  readonly counts: { sent: number; skipped: number };
  close(): void;
}

export interface CameraFeedOptions {
  readonly publish: Publish;
  readonly topic?: string;
  readonly fps?: number;
  readonly width?: number;
  readonly height?: number;
  readonly seed?: number;
}

/** Frames under way at most: a second of them, as a camera's own buffer would hold. */
const LONGEST_QUEUE_S = 1;

/** A simulated camera that publishes each frame as raw mono8. */
export function startCamera(options: CameraFeedOptions): CameraFeed {
  const { publish, topic = 'rheed/frames', fps = 120, width = 500, height = 300, seed = 7 } = options;
  const camera = new RheedCamera({ width, height, fps, seed });
  const counts = { sent: 0, skipped: 0 };
  let growth: Growth = RheedCamera.atRest;
  let frame = 0;
  let queued = 0;

  const stop = pace(fps, (n) => {
    frame = n;
    if (queued >= LONGEST_QUEUE_S * fps) {
      counts.skipped++;
      return;
    }
    queued++;
    publish(topic, camera.frame(n, growth)).then(
      () => {
        queued--;
        counts.sent++;
      },
      () => {
        queued--;
        counts.skipped++;
      },
    );
  });

  return {
    counts,
    grow(growing) {
      const phase = growing ? 'growing' : 'resting';
      if (phase !== growth.phase) {
        growth = { phase, since: frame, from: smoothness(growth, frame, fps) };
      }
    },
    close: stop,
  };
}
