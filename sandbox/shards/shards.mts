/** The server's side of the shard thread: one promise a job. */
import { Worker } from 'node:worker_threads';
import type { Roi } from '../types.mts';

interface Geometry {
  file: string;
  height: number;
  width: number;
  /** Entries in the stored index. */
  chunkSize: number;
}

/** Check an uploaded body of n frames and store it, its index padded to chunkSize entries. */
export interface StoreJob extends Geometry {
  kind: 'store';
  body: Uint8Array;
  n: number;
  /** null: the brightest spot of the first frame. */
  roi: Roi | null;
}

/** Decode frames of a stored shard. */
export interface ReadJob extends Geometry {
  kind: 'read';
  frames: number[];
}

/** Mean gray level within a region, for each of the first n frames of a stored shard. */
export interface SpotJob extends Geometry {
  kind: 'spot';
  n: number;
  roi: Roi;
}

export type Job = StoreJob | ReadJob | SpotJob;

export interface StoreResult {
  /** Mean gray level a frame, of the whole frame and of the spot. */
  means: Float32Array<ArrayBuffer>;
  spot: Float32Array<ArrayBuffer>;
  roi: Roi;
  /** The pixels of the last frame. */
  last: Uint8Array<ArrayBuffer>;
}

export type Outcome =
  | { value: StoreResult | Uint8Array | Float32Array }
  | { refused: string }
  | { failed: string };

/** The body is not a proper shard; the message says why. */
export class BadShard extends Error {}

export class Shards {
  readonly #jobs = new Map<number, (outcome: Outcome) => void>();
  #worker: Worker | undefined;
  #next = 0;
  #closed = false;

  /** Takes `body` over: its memory moves to the thread. */
  store(job: Omit<StoreJob, 'kind' | 'body'>, body: Uint8Array<ArrayBuffer>): Promise<StoreResult> {
    return this.#run({ ...job, kind: 'store', body }, [body.buffer]) as Promise<StoreResult>;
  }

  /** Pixels of the asked frames, one after the other. */
  read(job: Omit<ReadJob, 'kind'>): Promise<Uint8Array<ArrayBuffer>> {
    return this.#run({ ...job, kind: 'read' }) as Promise<Uint8Array<ArrayBuffer>>;
  }

  spot(job: Omit<SpotJob, 'kind'>): Promise<Float32Array<ArrayBuffer>> {
    return this.#run({ ...job, kind: 'spot' }) as Promise<Float32Array<ArrayBuffer>>;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
    this.#fail('the sandbox is closing');
  }

  async #run(job: Job, transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#closed) throw new Error('the sandbox is closing');
    const worker = this.#start();
    this.#next += 1;
    const id = this.#next;
    const outcome = await new Promise<Outcome>((resolve) => {
      this.#jobs.set(id, resolve);
      worker.postMessage({ id, job }, transfer);
    });
    if ('refused' in outcome) throw new BadShard(outcome.refused);
    if ('failed' in outcome) throw new Error(outcome.failed);
    return outcome.value;
  }

  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(new URL('./worker.mts', import.meta.url));
    worker.on('message', ({ id, outcome }: { id: number; outcome: Outcome }) => {
      this.#jobs.get(id)?.(outcome);
      this.#jobs.delete(id);
    });
    worker.on('error', (error: Error) => {
      this.#worker = undefined;
      this.#fail(`the shard thread ended: ${error.message}`);
    });
    this.#worker = worker;
    return worker;
  }

  #fail(failed: string): void {
    for (const settle of this.#jobs.values()) settle({ failed });
    this.#jobs.clear();
  }
}
