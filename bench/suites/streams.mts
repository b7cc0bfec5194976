import { linear } from '../growth.mts';
import { withNodeRed } from '../node-red/node-red.mts';
import { Receiver } from '../node-red/receiver.mts';
import type { Measurement, Side, Suite } from '../suite.mts';

const COUNTS = [1, 8, 32] as const;
const MANY = 32;
/** Frames a message, messages under way over all streams. */
const [FRAMES, UNDER_WAY] = [5, 32];
const SIZE = [500, 300] as const;

const nameOf = (streams: number): string => (streams === 1 ? '1 stream' : `${streams} streams at once`);

/** Every stream is fed as fast as its messages are done. Shares are those of the service at the end of the feeding. */
async function measure(streams: number, seconds: number, version: 4 | 5): Promise<Measurement> {
  const receiver = await Receiver.start();
  const keys = Array.from({ length: streams }, (_, i) => `stream ${i + 1}`);
  const nodes = [{ id: 'cameras', type: 'rheed-stream', fps: 10, chunkSize: 20, autoStart: false }];
  try {
    return await withNodeRed({ version, endpoint: receiver.url, nodes }, async (red, run) => {
      for (const stream of keys) await red.send('cameras', { action: 'start', stream });
      const window = UNDER_WAY / streams;
      const began = performance.now();
      const task = {
        kind: 'streams',
        node: 'cameras',
        streams: keys,
        window,
        framesPerMessage: FRAMES,
      } as const;
      const loaded = await run({ ...task, seconds, interval: 500 });
      const shares = (await receiver.progress()).streams.map(({ chunks }) => chunks);
      for (const stream of keys) await red.send('cameras', { action: 'finalize', stream });
      const { streams: all } = await receiver.ended(streams, 120_000);
      const total =
        (Math.max(...all.map(({ last }) => last)) - Date.now()) / 1000 + (performance.now() - began) / 1000;
      const frames = (await receiver.frames(...SIZE)).reduce((sum, count) => sum + count, 0);
      if (frames !== loaded.done * FRAMES)
        throw new Error(`expected ${loaded.done * FRAMES} frames, got ${frames}`);
      const even = shares.reduce((sum, share) => sum + share, 0) / shares.length;
      return {
        figures: {
          frames_per_s: frames / total,
          share_off_percent: Math.max(...shares.map((share) => Math.abs(share / even - 1))) * 100,
          cpu_ms_per_frame: (loaded.cpu / frames) * 1000,
          frames,
          seconds: total,
        },
      };
    });
  } finally {
    await receiver.close();
  }
}

export default {
  title: 'Many streams at once',
  inNodeRed: true,
  async prepare({ quick, nodeRed }) {
    const seconds = quick ? 2 : 15;
    const [one, many] = [nameOf(1), nameOf(MANY)];
    return {
      work: `frames of 500x300 as fast as they are done for ${seconds} s, chunks of 20; each arrived once, in order, intact`,
      sides: COUNTS.map(
        (streams): Side => ({ name: nameOf(streams), measure: () => measure(streams, seconds, nodeRed) }),
      ),
      goals: [
        {
          work: `${many}: total throughput against one stream's`,
          goal: '≥ 90 %',
          value: (look) => (look(many, 'frames_per_s') / look(one, 'frames_per_s')) * 100,
          min: 90,
          unit: ' %',
          digits: 0,
        },
        {
          work: `${many}: farthest from an even share`,
          goal: '≤ 20 %',
          value: (look) => look(many, 'share_off_percent'),
          max: 20,
          unit: ' %',
          digits: 0,
        },
        linear('streams at once', 'cpu_ms_per_frame', [one, many]),
      ],
      columns: [
        { figure: 'frames_per_s', title: 'frames/s', digits: 0 },
        { figure: 'share_off_percent', title: 'farthest from an even share, %', digits: 0 },
        { figure: 'cpu_ms_per_frame', title: 'CPU a frame, ms', digits: 2 },
        { figure: 'frames', title: 'frames, all intact', digits: 0 },
      ],
    };
  },
} satisfies Suite;
