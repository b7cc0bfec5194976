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
