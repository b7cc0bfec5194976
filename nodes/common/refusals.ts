import type { Node, NodeAPI, NodeMessage } from 'node-red';
import { Repeats } from '../../uploader/repeats.js';
import { hasCatchNode } from './catch-node.js';
import { textOf } from './legible.js';

/** How often the log is told of refusals of one kind, ms. */
const LOG_INTERVAL = 10_000;

export type Done = (error?: Error) => void;

/**
 * How a node's messages end: each once, refusals counted. Node-RED writes a log line for every error that no Catch
 * node takes; at 120 frames a second that would bury all else, so the log is told of the first refusal of a kind
 * and then of their number. A Catch node sees every one.
 */
export class Refusals {
  readonly #node: Node;
  readonly #repeats: Repeats<unknown>;
  #count = 0;

  constructor(RED: NodeAPI, node: Node) {
    const tell = node.error.bind(node);
    this.#node = node;
    this.#repeats = new Repeats(LOG_INTERVAL, (error, untold) =>
      tell(untold === 0 ? error : withCount(error, untold)),
    );
    // Node-RED's done(error) comes this way as well.
    node.error = (error: unknown, msg?: unknown) => {
      if (msg !== undefined && hasCatchNode(RED, node)) tell(error, msg as Parameters<typeof tell>[1]);
      else this.#repeats.hear(kindOf(error), error);
    };
  }

  /** Messages refused since the node started. */
  get count(): number {
    return this.#count;
  }

  /** A message's `done` that ends it once and never throws, whatever the message holds. */
  once(msg: NodeMessage, done: Done): Done {
    let isDone = false;
    return (error) => {
      if (isDone) return;
      isDone = true;
      if (error) this.#count += 1;
      try {
        done(error);
      } catch (fault) {
        this.#untold(msg, error, fault);
      }
    };
  }

  /** Node-RED clones a message for Catch and Complete nodes. One that it cannot clone is named there, not shown. */
  #untold({ _msgid }: NodeMessage, error: Error | undefined, fault: unknown): void {
    const named = _msgid === undefined ? {} : { _msgid };
    if (error) this.#node.error(error, named);
    else
      this.#repeats.hear(
        'uncloned',
        new Error(`a message could not be cloned for a Complete node: ${textOf(fault)}`),
      );
  }

  /** Tells the log what it has not been told yet. */
  close(): void {
    this.#repeats.close();
  }
}

function kindOf(error: unknown): string {
  return error instanceof Error ? ((error as { code?: string }).code ?? error.message) : String(error);
}

function withCount(error: unknown, untold: number): string {
  const text = error instanceof Error ? error.message : String(error);
  if (untold === 1) return text;
  return `${text} (the last of ${untold} of this kind within ${LOG_INTERVAL / 1000} s; a Catch node sees each)`;
}
