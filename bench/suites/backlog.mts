import { rm } from 'node:fs/promises';
import { linear } from '../growth.mts';
import { drain, makeBacklog, scan } from '../node-red/backlog.mts';
import type { Suite } from '../suite.mts';

const inWords = (chunks: number): string => chunks.toLocaleString('en-US');
const found = (chunks: number): string => `${inWords(chunks)} found at start`;
const drained = (chunks: number): string => `${inWords(chunks)} drained at 100 Mbit/s`;

export default {
  title: 'A backlog of chunks',
  inNodeRed: true,
  async prepare({ quick, rounds, nodeRed }) {
    const [few, many] = quick ? [100, 300] : [1_000, 10_000];
    const backlogs: { chunks: number; spool: string }[] = [];
    for (const chunks of [few, many]) backlogs.push({ chunks, spool: await makeBacklog(chunks) });
    return {
      work: `${inWords(few)} and ${inWords(many)} chunks in the spool; each frame arrived once, in order, intact`,
      // A round is minutes, and the link sets the pace.
      rounds: Math.min(rounds, 3),
      sides: [
        ...backlogs.map(({ chunks, spool }) => ({ name: found(chunks), measure: () => scan(spool, chunks) })),
        ...backlogs.map(({ chunks, spool }) => ({
          name: drained(chunks),
          measure: () => drain(spool, chunks, nodeRed),
        })),
      ],
      goals: [
        {
          work: `start with a backlog of ${inWords(many)} chunks`,
          goal: '≤ 1 s',
          value: (look) => look(found(many), 'scan_s'),
          max: 1,
          unit: ' s',
        },
        {
          work: 'draining it, of the link’s speed',
          goal: '≥ 90 %',
          value: (look) => look(drained(many), 'link_percent'),
          min: 90,
          unit: ' %',
          digits: 0,
        },
        {
          work: 'memory meanwhile, over the start of the draining',
          goal: '≤ 64 MB',
          value: (look) => look(drained(many), 'memory_mb'),
          max: 64,
          unit: ' MB',
          digits: 1,
        },
        linear('length of the backlog', 'start_cpu_ms_per_chunk', [found(few), found(many)]),
        linear('length of the backlog', 'cpu_ms_per_chunk', [drained(few), drained(many)]),
      ],
      columns: [
        { figure: 'chunks', title: 'chunks', digits: 0 },
        { figure: 'scan_s', title: 'start, s', digits: 2 },
        { figure: 'start_cpu_ms_per_chunk', title: 'its CPU a chunk, ms', digits: 3 },
        { figure: 'heap_bytes_per_chunk', title: 'heap a chunk, bytes', digits: 0 },
        { figure: 'link_percent', title: 'of the link, %', digits: 0 },
        { figure: 'chunks_per_s', title: 'chunks/s', digits: 0 },
        { figure: 'cpu_ms_per_chunk', title: 'CPU a chunk, ms', digits: 2 },
        { figure: 'memory_mb', title: 'memory over its start, MB', digits: 1 },
      ],
      dispose: async () => {
        for (const { spool } of backlogs) await rm(spool, { recursive: true, force: true });
      },
    };
  },
} satisfies Suite;
