import { type Logger, loggerOf } from '../../uploader/log.js';

/** The part of `RED.log` used here; the levels are its constants. */
export interface NodeLog {
  readonly ERROR: number;
  readonly WARN: number;
  readonly INFO: number;
  readonly DEBUG: number;
  log(entry: { level: number; id: string; type: string; name?: string; msg: string }): void;
}

/**
 * The uploader's log, under the account node's name and up to its verbosity. It goes around `node.error`: a
 * Catch node is for messages that were refused, not for log lines.
 */
export function nodeLogger(
  log: NodeLog,
  node: { id: string; type: string; name?: string | undefined },
  verbosity: number,
): Logger {
  const source = { id: node.id, type: node.type, ...(node.name ? { name: node.name } : {}) };
  const at = (level: number) => (msg: string) => log.log({ level, ...source, msg });
  return loggerOf(verbosity, {
    error: at(log.ERROR),
    warn: at(log.WARN),
    info: at(log.INFO),
    debug: at(log.DEBUG),
  });
}
