import type { Node, NodeAPI, NodeMessage } from 'node-red';
import { AtomscaleError } from '../../uploader/errors.js';
import { textOf } from '../common/legible.js';
import type { SourceMaker } from './channel-table.js';

/** How long JSONata may take, ms: it can wait for a context store, or for a promise. */
const ANSWER_WITHIN = 5000;

/** Node-RED's own reading of message paths and JSONata. */
export function nodeRedSources(RED: NodeAPI, node: Node): SourceMaker {
  return {
    path(expression) {
      // Throws on a path that no message could have.
      RED.util.normalisePropertyExpression(expression.replace(/^msg\./, ''), {});
      return (msg) => {
        try {
          return RED.util.getMessageProperty(msg as NodeMessage, expression);
        } catch {
          return undefined; // A path through something that is not there.
        }
      };
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
