import { withNodeRed } from '../node-red/node-red.mts';
import type { ReadingsTask } from '../node-red/readings.mts';
import { Receiver } from '../node-red/receiver.mts';
import type { Measurement, Side, Suite } from '../suite.mts';

interface Load {
  readonly name: string;
  readonly work: string;
  readonly goal: number;
  readonly task: Omit<ReadingsTask, 'kind' | 'source'>;
}

const loads = (quick: boolean): readonly Load[] => [
  {
    name: 'one channel, single values',
    work: 'single-value messages a second through Node-RED to the service',
    goal: 10_000,
    task: { messages: quick ? 10_000 : 150_000, channels: 1, rows: 0, window: 2000 },
  },
  {
    name: '8 channels, single values',
    work: 'the same from eight channels',
    goal: 10_000,
    task: { messages: quick ? 10_000 : 150_000, channels: 8, rows: 0, window: 2000 },
  },
  {
    name: '8 channels, batches of 125 rows',
    work: 'points a second in batches, through Node-RED to the service',
    goal: 100_000,
    task: { messages: quick ? 50 : 1500, channels: 8, rows: 125, window: 20 },
  },
];

/** From the first message to the service's answer to the end of the stream, which comes after all is there. */
async function measure({ task }: Load, version: 4 | 5): Promise<Measurement> {
  const receiver = await Receiver.start();
  const nodes = [
    { id: 'source', type: 'link in', wires: [['series']] },
    { id: 'series', type: 'timeseries-stream', autoStart: true, channels: [] },
  ];
  try {
    return await withNodeRed({ version, endpoint: receiver.url, nodes }, async (red, run) => {
      const send = (load: Load['task']) =>
        run({ kind: 'readings', source: 'source', interval: 500, ...load });
      const finalize = async (streams: number) => {
        await red.send('series', { action: 'finalize' });
        return receiver.ended(streams, 120_000);
      };
      await send({ ...task, messages: 20 });
      const before = await finalize(1);
      const idle = await run({ kind: 'idle', seconds: 1, interval: 500 });
      const began = performance.now();
      const loaded = await send(task);
      const after = await finalize(2);
      const seconds = (performance.now() - began) / 1000;
      const points = task.messages * Math.max(1, task.rows * task.channels);
      const [, arrived] = await receiver.points();
      if (arrived !== points) throw new Error(`expected ${points} points, got ${arrived}`);
      return {
        figures: {
          points_per_s: points / seconds,
          messages_per_s: task.messages / seconds,
          cpu_us_per_point: (loaded.cpu / points) * 1e6,
          delay_ms: loaded.delay_ms,
          memory_mb: loaded.memory_mb - idle.memory_mb,
          receiver_cores: (after.cpu - before.cpu) / seconds,
          points,
          seconds,
        },
      };
    });
  } finally {
    await receiver.close();
  }
}

export default {
  title: 'Readings through Node-RED',
  inNodeRed: true,
  async prepare({ quick, nodeRed }) {
    const all = loads(quick);
    return {
      work: 'as fast as messages are done, all settings at their defaults (100 rows a chunk); each value arrived once, in order',
      sides: all.map((load): Side => ({ name: load.name, measure: () => measure(load, nodeRed) })),
      goals: all.map(({ name, work, goal }) => ({
        work,
        goal: `≥ ${goal.toLocaleString('en-US')}/s`,
        value: (look) => look(name, 'points_per_s'),
        min: goal,
        unit: '/s',
        digits: 0,
      })),
      columns: [
        { figure: 'points_per_s', title: 'points/s', digits: 0 },
        { figure: 'cpu_us_per_point', title: 'CPU a point, µs', digits: 1 },
        { figure: 'delay_ms', title: 'event loop p99, ms', digits: 1 },
        { figure: 'memory_mb', title: 'memory over idle, MB', digits: 0 },
        { figure: 'points', title: 'points, all arrived', digits: 0 },
      ],
    };
  },
} satisfies Suite;
