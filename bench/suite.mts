/** What a suite is: a file in `bench/suites/` whose default export is a `Suite`, named by its file. */

/** What the command line says. */
export interface Options {
  /** Two minutes for all suites: little work, one round, no warm-up. */
  readonly quick: boolean;
  readonly rounds: number;
  /** Folder of real RHEED frames (`dep_*.bmp`). */
  readonly frames: string;
  /** Length of a soak. */
  readonly minutes: number;
  /** Version of Node-RED for suites that run in one; 4 is 4.1. */
  readonly nodeRed: 4 | 5;
}

export interface Suite {
  /** What is measured, as a heading. */
  readonly title: string;
  /** Too long to be among all suites. */
  readonly onlyByName?: boolean;
  /** Runs in the Node-RED that was asked for. */
  readonly inNodeRed?: boolean;
  /** Makes what the rounds need; `skip` says why this cannot run here. */
  prepare(options: Options): Promise<Prepared | { readonly skip: string }>;
}

export interface Prepared {
  /** The work of one round in a sentence, with its sizes. */
  readonly work: string;
  /** Measured in turn, one after the other, in every round. */
  readonly sides: readonly Side[];
  readonly goals: readonly Goal[];
  /** Figures in the report's table, in this order; the JSON has them all. The first one is drawn as bars. */
  readonly columns: readonly Column[];
  /** So many rounds whatever the command line says, without a warm-up. */
  readonly rounds?: number;
  dispose?(): Promise<void>;
}

export interface Side {
  readonly name: string;
  /** One measurement, in a process of its own where memory or processor time is measured. An error refuses the suite. */
  measure(): Promise<Measurement>;
}

export interface Measurement {
  /** By name with its unit: `frames_per_s`, `cpu_s_per_chunk`, `memory_mb`. */
  readonly figures: Readonly<Record<string, number>>;
  /** Over the time of the measurement; each name is one plot, a line a side. */
  readonly curves?: Readonly<Record<string, Curve>>;
  /** What arrived. Sides that say so must agree, or no figure of the suite is printed. */
  readonly delivered?: Delivered;
}

export interface Curve {
  readonly title: string;
  readonly unit: string;
  /** Seconds, value. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Delivered {
  /** What was sent: sides that sent the same must agree. */
  readonly of: string;
  readonly frames: number;
  /** sha256 of all pixels in order, decoded from what the server accepted. */
  readonly pixels: string;
}

export interface Column {
  readonly figure: string;
  readonly title: string;
  readonly digits: number;
}

/** A figure of a side: the median of the rounds, or that of one round. NaN when the side was not measured. */
export type Look = (side: string, figure: string) => number;

export interface Goal {
  readonly work: string;
  /** In words: `≥ 2.5x the official client`. */
  readonly goal: string;
  readonly value: (look: Look) => number;
  readonly min?: number;
  readonly max?: number;
  /** Behind the value: `x`, ` %`, ` MB`. */
  readonly unit: string;
  /** 2 by default. */
  readonly digits?: number;
}
