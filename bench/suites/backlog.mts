import { rm } from 'node:fs/promises';
import { drain, makeBacklog, scan } from '../node-red/backlog.mts';
import type { Suite } from '../suite.mts';

const [SCAN, DRAIN] = ['found at start', 'drained at 100 Mbit/s'];

export default {
  title: 'A backlog of 10,000 chunks',
  inNodeRed: true,
  async prepare({ quick, rounds, nodeRed }) {
    const chunks = quick ? 300 : 10_000;
    const spool = await makeBacklog(chunks);
    return {
      work: `${chunks.toLocaleString('en-US')} chunks in the spool; each frame arrived once, in order, intact`,
      // A round is minutes, and the link sets the pace.
      rounds: Math.min(rounds, 3),
      sides: [
        { name: SCAN, measure: () => scan(spool, chunks) },
        { name: DRAIN, measure: () => drain(spool, chunks, nodeRed) },
      ],
      goals: [
        {
          work: 'start with a backlog of 10,000 chunks',
          goal: '≤ 1 s',
          value: (look) => look(SCAN, 'scan_s'),
          max: 1,
          unit: ' s',
        },
        {
          work: 'draining it, of the link’s speed',
          goal: '≥ 90 %',
          value: (look) => look(DRAIN, 'link_percent'),
          min: 90,
          unit: ' %',
          digits: 0,
        },
        {
          work: 'memory meanwhile, over the start of the draining',
          goal: '≤ 64 MB',
          value: (look) => look(DRAIN, 'memory_mb'),
          max: 64,
          unit: ' MB',
          digits: 1,
        },
      ],
      columns: [
        { figure: 'chunks', title: 'chunks', digits: 0 },
        { figure: 'scan_s', title: 'start, s', digits: 2 },
        { figure: 'scan_cpu_s', title: 'its CPU, s', digits: 2 },
        { figure: 'heap_bytes_per_chunk', title: 'heap a chunk, bytes', digits: 0 },
        { figure: 'link_percent', title: 'of the link, %', digits: 0 },
        { figure: 'chunks_per_s', title: 'chunks/s', digits: 0 },
        { figure: 'cpu_ms_per_chunk', title: 'CPU a chunk, ms', digits: 2 },
        { figure: 'memory_mb', title: 'memory, MB', digits: 1 },
      ],
      dispose: () => rm(spool, { recursive: true, force: true }),
    };
  },
} satisfies Suite;
