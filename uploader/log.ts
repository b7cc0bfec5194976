import { Repeats } from './repeats.js';

/** Where the uploader says what it does: Node-RED's log for the nodes, the console for the library. */
export interface Logger {
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
  debug(text: string): void;
}

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

/**
 * A logger that passes on what `verbosity` admits.
 *
 * @param verbosity 0 silent, 1 errors, 2 and warnings, 3 and information, 4 everything
 */
export function loggerOf(verbosity: number, sink: Logger = console): Logger {
  const silent = (): void => {};
  const [error, warn, info, debug] = LEVELS.map((level, rank) =>
    rank < verbosity ? (text: string) => sink[level](`atomscale: ${text}`) : silent,
  ) as [Logger['error'], Logger['warn'], Logger['info'], Logger['debug']];
  return { error, warn, info, debug };
}

/** Lines that differ in their numbers alone are told once a minute, ms. */
const REPEAT_PERIOD = 60_000;

/** A logger for what runs for days: a fault that repeats is one line, then one a minute with their number. */
export class CalmLog implements Logger {
  readonly #sink: Logger;
  readonly #repeats: Repeats<{ level: keyof Logger; text: string }>;

  constructor(sink: Logger) {
    this.#sink = sink;
    this.#repeats = new Repeats(REPEAT_PERIOD, ({ level, text }, untold) =>
      sink[level](untold < 2 ? text : `${text} (${untold} such lines within ${REPEAT_PERIOD / 1000} s)`),
    );
  }

  error(text: string): void {
    this.#hear('error', text);
  }

  warn(text: string): void {
    this.#hear('warn', text);
  }

  info(text: string): void {
    this.#hear('info', text);
  }

  /** Whoever asks for everything gets everything. */
  debug(text: string): void {
    this.#sink.debug(text);
  }

  /** Tells what is untold. */
  close(): void {
    this.#repeats.close();
  }

  #hear(level: keyof Logger, text: string): void {
    this.#repeats.hear(`${level} ${text.replace(/\d+/g, '#')}`, { level, text });
  }
}
