/** Runs inside Node-RED: feeds its nodes, counts how their messages end, and watches the process meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeAPI, NodeMessage } from 'node-red';
import { type CamerasTask, sendFrames } from './cameras.mts';
import { type ReadingsTask, sendReadings } from './readings.mts';
import { type StreamsTask, sendStreams } from './streams.mts';
import { type Watched, watched } from './watch.mts';

/** Nothing is sent: `idle`, after garbage was collected; `beside`, while Node-RED does something else. */
type Look<Kind> = { readonly kind: Kind; readonly seconds: number };

export type Task = {
  /** Of the samples, ms. */
  readonly interval: number;
} & (Look<'idle'> | Look<'beside'> | CamerasTask | ReadingsTask | StreamsTask);

export interface Ended {
  /** Messages that ended, well or not. */
  readonly done: number;
  readonly errors: readonly string[];
}

export type Result = Ended & Watched;

/** Hands messages to nodes and learns how they end. */
export interface Feeder {
  /** To a node, as a wire does it within the turn. */
  receive(node: string, msg: object): void;
  /** From a node over its wires. */
  send(node: string, msg: object): void;
  /** Messages that ended so far. */
  readonly done: number;
  /** Called after each, with the message. */
  ended: (msg: Readonly<Record<string, unknown>>) => void;
}

export default function install(RED: NodeAPI): (task: Task) => Promise<Result> {
  let [done, errors]: [number, string[]] = [0, []];
  const node = (id: string) => RED.nodes.getNode(id);
  const feeder: Feeder = {
    receive: (id, msg) => node(id).receive({ ...msg, bench: true } as unknown as NodeMessage),
    send: (id, msg) => node(id).send({ ...msg, bench: true } as unknown as NodeMessage),
    get done() {
      return done;
    },
    ended: () => {},
  };
  RED.hooks.add('onComplete.bench', ({ msg, error }: { msg: Record<string, unknown>; error?: Error }) => {
    if (!msg.bench) return;
    done += 1;
    if (error) errors.push(error.message);
    feeder.ended(msg);
  });
  return async (task) => {
    [done, errors] = [0, []];
    if (task.kind === 'idle') collectGarbage();
    return watched(task.interval, async () => {
      if (task.kind === 'idle' || task.kind === 'beside') await sleep(task.seconds * 1000);
      else if (task.kind === 'cameras') await sendFrames(task, feeder);
      else if (task.kind === 'readings') await sendReadings(task, feeder);
      else await sendStreams(task, feeder);
      feeder.ended = () => {};
      return { done, errors: errors.slice(0, 10) };
    });
  };
}

/** Twice: what finalizers of the first round let go of is free only after the second. */
function collectGarbage(): void {
  const { gc } = globalThis as { gc?: () => void };
  for (let round = 0; round < 2; round += 1) gc?.();
}
