/**
 * Runs inside Node-RED: loads stream nodes from the first moment on and notes in a file how each message ended. A
 * note is written within done(), so that it is there whenever the process is killed after it.
 */
import { openSync, writeSync } from 'node:fs';
import type { NodeAPI, NodeMessage } from 'node-red';
import { pace } from '../../scripts/start/pacer.mts';
import { HEIGHT, hashedFrame, hashedReading, WIDTH } from './hashed.mts';

/** Handed over as TORTURE in the environment; without it nothing is loaded. */
export interface TortureLoad {
  /** Takes a line a message: `node number ok`, or its error's code instead of ok. */
  readonly notes: string;
  readonly cameras: readonly string[];
  readonly sensors: readonly string[];
  /** Messages a second to each node. */
  readonly rate: number;
  /** Number of the first message: those of another process are not used again. */
  readonly from: number;
}

interface Numbered extends NodeMessage {
  torture?: { node: string; number: number };
}

export default function install(RED: NodeAPI): (value: { rate: number }) => void {
  if (process.env.TORTURE === undefined) return () => undefined;
  const load = JSON.parse(process.env.TORTURE) as TortureLoad;
  const notes = openSync(load.notes, 'a');
  RED.hooks.add(
    'onComplete.torture',
    ({ msg, error, node }: { msg: Numbered; error?: { code?: string }; node: { id: string } }) => {
      // What a node makes of a message carries the mark on to others.
      if (msg.torture?.node !== node.id) return;
      const end = error ? (error.code ?? String(error).replaceAll(/\s/g, '_')) : 'ok';
      writeSync(notes, `${node.id} ${msg.torture.number} ${end}\n`);
    },
  );
  const next = new Map<string, number>();
  const offer = (id: string, message: (number: number) => object): void => {
    const node = RED.nodes.getNode(id);
    if (!node) return;
    const number = next.get(id) ?? load.from;
    next.set(id, number + 1);
    node.receive({ ...message(number), torture: { node: id, number } } as NodeMessage);
  };
  const shape = { width: WIDTH, height: HEIGHT };
  const run = (rate: number) =>
    rate === 0
      ? () => undefined
      : pace(rate, () => {
          for (const [index, id] of load.cameras.entries())
            offer(id, (number) => ({ payload: hashedFrame(index, number), ...shape }));
          for (const id of load.sensors) offer(id, hashedReading);
        });
  let stop = run(load.rate);
  return ({ rate }) => {
    stop();
    stop = run(rate);
  };
}
