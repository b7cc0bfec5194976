/** Runs inside Node-RED: the load of `torture-extension.mts`, a clock that can be set, and an error that nobody catches. */
import type { NodeAPI } from 'node-red';
import torture from './torture-extension.mts';

export interface LifeTask {
  /** Messages a second to each node. */
  readonly rate?: number;
  /** Sets the wall clock this many ms off; the monotonic one goes on, as it does when a computer's clock is set. */
  readonly clockOff?: number;
  /** Thrown where no one catches it, as another package's node may do. */
  readonly thrown?: string;
}

export default function install(RED: NodeAPI): (task: LifeTask) => void {
  const RealDate = Date;
  let off = Number(process.env.CLOCK_OFF ?? 0);
  globalThis.Date = class extends RealDate {
    constructor(...given: []) {
      if (given.length === 0) super(RealDate.now() + off);
      else super(...given);
    }

    static override now(): number {
      return RealDate.now() + off;
    }
  } as DateConstructor;
  const load = torture(RED);
  return ({ rate, clockOff, thrown }) => {
    if (rate !== undefined) load({ rate });
    if (clockOff !== undefined) off = clockOff;
    if (thrown !== undefined)
      setTimeout(() => {
        throw new Error(thrown);
      });
  };
}
