/** Faults that the sandbox can be told to have, one by one and for as many requests as asked. */

export const FAULT_NAMES = [
  'down',
  'hold',
  '401',
  '403',
  '429',
  '500',
  '503',
  'expired',
  's3RequestTimeout',
  'reset-before',
  'reset-after',
  'slow',
] as const;

export type FaultName = (typeof FAULT_NAMES)[number];

export interface FaultOptions {
  /** How many requests it strikes; without end when left out. */
  count?: number;
  /** Strikes only calls whose `METHOD /path` contains this. */
  match?: string;
  /** slow: milliseconds before the answer, default 3000. */
  delayMs?: number;
  /** 429: the Retry-After header in seconds; none when left out. */
  retryAfter?: number;
}

/** A fault that is switched on. */
export interface ActiveFault {
  name: FaultName;
  match: string | null;
  /** Requests left to strike, null = without end. */
  remaining: number | null;
  delayMs: number;
  retryAfter: number | null;
  /** Requests struck so far. */
  hits: number;
}

/** What a fault is chosen by: keyed calls of the API, calls without a key (the clock), presigned PUTs. */
export interface Call {
  method: string;
  path: string;
  kind: 'api' | 'open' | 's3';
}

const S3_ONLY: ReadonlySet<FaultName> = new Set(['expired', 's3RequestTimeout']);
const KEYED_ONLY: ReadonlySet<FaultName> = new Set(['401', '403']);

export class Faults {
  readonly #changed: () => void;
  readonly #closeStream: (dataId: string) => void;
  #active: ActiveFault[] = [];
  #held: (() => void)[] = [];

  constructor(hooks: { changed: () => void; closeStream: (dataId: string) => void }) {
    this.#changed = hooks.changed;
    this.#closeStream = hooks.closeStream;
  }

  /** Switches a fault on; the same name with the same match replaces the former. */
  set(name: FaultName | 401 | 403 | 429 | 500 | 503, options: FaultOptions = {}): void {
    const known = FAULT_NAMES.find((candidate) => candidate === String(name));
    if (known === undefined)
      throw new RangeError(`fault: expected one of ${FAULT_NAMES.join(', ')}, got ${name}`);
    const { count = null, match = null, delayMs = 3000, retryAfter = null } = options;
    if (count !== null && !(Number.isInteger(count) && count > 0)) {
      throw new RangeError(`count: expected a whole number above 0, got ${count}`);
    }
    this.#active = this.#active.filter((fault) => fault.name !== known || fault.match !== match);
    this.#active.push({ name: known, match, remaining: count, delayMs, retryAfter, hits: 0 });
    this.#changed();
  }

  /** Switches a fault off, or all of them; requests on hold go on. */
  clear(name?: FaultName | number): void {
    this.#active = name === undefined ? [] : this.#active.filter((fault) => fault.name !== String(name));
    if (name === undefined || name === 'hold') this.release();
    this.#changed();
  }

  list(): ActiveFault[] {
    return this.#active.map((fault) => ({ ...fault }));
  }

  /** The service gives up on a stream: `stream_error`, chunks for it are refused. */
  closeStream(dataId: string): void {
    this.#closeStream(dataId);
  }

  /** Requests on hold now. */
  get held(): number {
    return this.#held.length;
  }

  /** Lets the requests on hold go on; the fault itself stays as it is set. */
  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const go of held) go();
  }

  /** Resolves when the request is released. */
  hold(): Promise<void> {
    return new Promise((resolve) => {
      this.#held.push(resolve);
      this.#changed();
    });
  }

  /** The fault of this name that strikes this call, counted down; undefined when none does. */
  take(name: FaultName, call: Call): ActiveFault | undefined {
    const fault = this.#active.find((candidate) => candidate.name === name && strikes(candidate, call));
    if (fault === undefined) return undefined;
    fault.hits += 1;
    if (fault.remaining !== null) {
      fault.remaining -= 1;
      if (fault.remaining === 0) this.#active = this.#active.filter((other) => other !== fault);
    }
    this.#changed();
    return fault;
  }
}

function strikes(fault: ActiveFault, call: Call): boolean {
  if (S3_ONLY.has(fault.name) && call.kind !== 's3') return false;
  if (fault.match !== null) return `${call.method} ${call.path}`.includes(fault.match);
  return !KEYED_ONLY.has(fault.name) || call.kind === 'api';
}
