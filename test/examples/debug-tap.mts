/** Runs inside Node-RED: tells the test what arrives at debug nodes, by the node's name, and what watch nodes see. */

interface Delivery {
  source: { node?: { type: string } };
  destination: { node: { type: string; name?: string } };
  msg: Record<string, unknown>;
}

interface Runtime {
  hooks: { add(name: string, hook: (event: Delivery) => void): void };
}

export default function tap(RED: Runtime, tell: (value: unknown) => void): () => null {
  RED.hooks.add('postDeliver.test', ({ source, destination, msg }) => {
    const { type, name } = destination.node;
    if (type === 'debug') {
      const { payload, event, report, error } = msg;
      tell({ debug: name, payload, event, report, error: error && String((error as Error).message) });
    } else if (source.node?.type === 'watch') tell({ debug: 'watch', payload: msg.payload });
  });
  return () => null;
}
