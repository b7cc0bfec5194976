import type { Node, NodeAPI, NodeMessage } from 'node-red';
import { AtomscaleError } from '../../uploader/errors.js';
import type { SourceMaker } from './channel-table.js';

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
          RED.util.evaluateJSONataExpression(prepared, msg as NodeMessage, (error, value) => {
            if (!error) resolve(value);
            else
              reject(
                new AtomscaleError('ERR_VALUE', `channels: JSONata ${expression}: ${error.message}`, {
                  cause: error,
                }),
              );
          });
        });
    },
  };
}
