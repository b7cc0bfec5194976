import { type Package, startTime } from '../node-red/start-time.mts';
import type { Look, Measurement, Side, Suite } from '../suite.mts';

const NAMES: Readonly<Record<Package, string>> = {
  without: 'without the package',
  with: 'with the package',
  used: 'with the package, in a flow',
};
const KINDS = ['without', 'with', 'used'] as const;

/** Several starts a measurement: one alone wavers by more than the package adds. */
async function measure(kind: Package, starts: number, version: 4 | 5): Promise<Measurement> {
  const all: Measurement[] = [];
  for (let start = 0; start < starts; start += 1) all.push(await startTime(kind, version));
  const least = (figure: string) => Math.min(...all.map(({ figures }) => figures[figure] ?? Number.NaN));
  return { figures: { start_ms: least('start_ms'), start_cpu_ms: least('start_cpu_ms') } };
}

const added = (look: Look, kind: Package): number =>
  look(NAMES[kind], 'start_ms') - look(NAMES.without, 'start_ms');

export default {
  title: 'Start of Node-RED',
  inNodeRed: true,
  async prepare({ quick, nodeRed }) {
    const starts = quick ? 1 : 3;
    return {
      work: `from the start of the process until the flow runs; the fastest of ${starts} starts a round`,
      sides: KINDS.map(
        (kind): Side => ({ name: NAMES[kind], measure: () => measure(kind, starts, nodeRed) }),
      ),
      goals: (['with', 'used'] as const).map((kind) => ({
        work: `start of Node-RED ${NAMES[kind]}: added`,
        goal: '≤ 50 ms',
        value: (look: Look) => added(look, kind),
        max: 50,
        unit: ' ms',
        digits: 0,
      })),
      columns: [
        { figure: 'start_ms', title: 'start, ms', digits: 0 },
        { figure: 'start_cpu_ms', title: 'CPU, ms', digits: 0 },
      ],
    };
  },
} satisfies Suite;
