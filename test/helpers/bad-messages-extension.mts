/** Runs inside Node-RED: sends bad messages, good ones between them, and sees how each ends. */
import type { NodeAPI, NodeMessage } from 'node-red';
import { badMessage, type Target } from './bad-messages.mts';

export interface BadTask {
  readonly seed: number;
  /** Numbers of the bad messages: `from` ≤ number < `to`. */
  readonly from: number;
  readonly to: number;
  /** Node ids. */
  readonly nodes: Readonly<Record<Target, string>>;
  /** A good message to each stream node after so many bad ones. */
  readonly every: number;
}

export interface BadResult {
  readonly accepted: number;
  /** How many were refused with which code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Numbers of the good readings and frames that were confirmed. */
  readonly good: number;
  /** What ought not to be, each with the number of its message. */
  readonly faults: readonly string[];
}

/** What a message can be blamed for. */
const ALLOWED = new Set([
  ...['ERR_FRAME_SHAPE', 'ERR_FRAME_FORMAT', 'ERR_SETTINGS', 'ERR_NOT_STARTED'],
  ...['ERR_CHANNEL', 'ERR_VALUE', 'ERR_ACTION'],
]);
const AT_ONCE = 50;
/** Far above any machine's hiccup: what a message of this size may never take, ms. */
const STALL = 5000;
/** A message that has not ended after this long is taken to be lost, ms. */
const NEVER = 30_000;

interface Ending {
  readonly number: number;
  readonly name: string;
  ends: number;
  resolve(): void;
}

export default function install(RED: NodeAPI): (task: BadTask) => Promise<BadResult> {
  const endings = new WeakMap<object, Ending>();
  const pending = new Set<Ending>();
  let refused: Record<string, number> = {};
  let accepted = 0;
  let faults: string[] = [];
  const say = ({ number, name }: Ending, what: string) => faults.push(`message ${number} (${name}): ${what}`);

  RED.hooks.add('onComplete.bad', ({ msg, error }: { msg: object; error?: Error & { code?: string } }) => {
    const ending = endings.get(msg);
    if (ending === undefined) return;
    ending.ends += 1;
    pending.delete(ending);
    if (ending.ends > 1) say(ending, `ended ${ending.ends} times`);
    if (!error) accepted += 1;
    else if (ending.number < 0) say(ending, `a good message was refused: ${error.code} ${error.message}`);
    else if (!ALLOWED.has(error.code ?? '')) say(ending, `${error.code ?? 'no code'}: ${error.stack}`);
    else refused[error.code as string] = (refused[error.code as string] ?? 0) + 1;
    ending.resolve();
  });

  const give = (node: string, msg: object, number: number): Promise<void> =>
    new Promise((resolve) => {
      const ending: Ending = { number, name: node, ends: 0, resolve };
      endings.set(msg, ending);
      pending.add(ending);
      const began = performance.now();
      RED.nodes.getNode(node).receive(msg as NodeMessage);
      const took = performance.now() - began;
      if (took > STALL) say(ending, `held the event loop for ${Math.round(took)} ms`);
    });

  /** False when a message has not ended after so long that it never will. */
  const allEnd = async (waiting: readonly Promise<void>[]): Promise<boolean> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), NEVER);
    });
    const ended = await Promise.race([Promise.all(waiting).then(() => true), late]);
    clearTimeout(timer);
    if (!ended) for (const ending of pending) say(ending, 'never ended');
    return ended;
  };

  let good = 0;
  return async ({ seed, from, to, nodes, every }) => {
    [accepted, refused, faults] = [0, {}, []];
    let waiting: Promise<void>[] = [];
    for (let number = from; number < to; number += 1) {
      const { target, msg } = badMessage(seed, number);
      waiting.push(give(nodes[target], msg, number));
      if (number % every === 0) {
        const payload = Buffer.alloc(8);
        payload.writeUInt32LE(good);
        waiting.push(
          give(nodes.rheed, { payload, width: 4, height: 2, format: 'mono8', stream: 'good' }, -1),
        );
        const reading = { payload: good, channel: 'good', timestamp: good * 1000, stream: 'good' };
        waiting.push(give(nodes.series, reading, -1));
        good += 1;
      }
      if (waiting.length < AT_ONCE) continue;
      if (!(await allEnd(waiting))) break;
      waiting = [];
      // Timers and answers of the service have their turn.
      await new Promise(setImmediate);
    }
    await allEnd(waiting);
    return { accepted, refused, good, faults };
  };
}
