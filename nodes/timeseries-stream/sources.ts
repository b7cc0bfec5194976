import type { Node, NodeAPI, NodeMessage } from 'node-red';
import { AtomscaleError } from '../../uploader/errors.js';
import { textOf } from '../common/legible.js';
import type { SourceMaker } from './channel-table.js';

/** How long JSONata may take, ms: it can wait for a context store, or for a promise. */
const ANSWER_WITHIN = 5000;

type Key = string | number;

/** Walks down by known keys: no path is parsed again for a message. */
function walker(keys: readonly Key[]): (msg: object) => unknown {
  return (msg) => {
    let value: unknown = msg;
    for (const key of keys) {
      if (value === undefined || value === null) return undefined;
      value = (value as Record<Key, unknown>)[key];
    }
    return value;
  };
}

/** Node-RED's own reading of message paths and JSONata. */
export function nodeRedSources(RED: NodeAPI, node: Node): SourceMaker {
  return {
    path(expression) {
      // Throws on a path that no message could have.
      const keys: Key[] = RED.util.normalisePropertyExpression(expression.replace(/^msg\./, ''), {});
      const last = keys.at(-1);
      return /^(0|[1-9]\d*)$/.test(String(last))
        ? { holder: walker(keys.slice(0, -1)), index: Number(last) }
        : { holder: walker(keys), index: undefined };
    },
    jsonata(expression) {
      const prepared = RED.util.prepareJSONataExpression(expression, node);
      return (msg) =>
        new Promise((resolve, reject) => {
          const refuse = (reason: string) =>
            reject(new AtomscaleError('ERR_VALUE', `channels: JSONata ${expression}: ${reason}`));
          // What waits for ever would hold back every later message of the stream.
          const timer = setTimeout(
            () => refuse(`expected a value within ${ANSWER_WITHIN} ms`),
            ANSWER_WITHIN,
          );
          RED.util.evaluateJSONataExpression(prepared, msg as NodeMessage, (error, value) => {
            clearTimeout(timer);
            if (!error) resolve(value);
            else refuse(textOf(error));
          });
        });
    },
  };
}
