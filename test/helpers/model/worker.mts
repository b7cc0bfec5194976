/** A process with an uploader and two nodes on it, told by its parent what to do. Its time is fast. */
import '../fast-time.mts';
import type { RheedStream } from '../../../dist/uploader/rheed.js';
import type { TimeseriesStream } from '../../../dist/uploader/timeseries.js';
import type { AnyStream, Uploader } from '../../../dist/uploader/uploader.js';
import uploaderModule from '../../../dist/uploader/uploader.js';
import { batch } from '../uploader.mts';
import { KINDS, type Kind, readings } from './data.mts';
import type { Account, Asked, Editor, Told } from './process.mts';

/** A camera's or a sensor's node: data opens its stream, another one after a finalize. */
class Node {
  readonly kind: Kind;
  editor: Editor = {};
  #stream: AnyStream | undefined;
  #starting: Promise<AnyStream> | undefined;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  attach(from: Uploader, editor: Editor): void {
    this.editor = editor;
    for (const stream of from.attach(this.kind, this.kind, editor)) this.#listen(stream);
  }

  async push(from: number, count: number): Promise<void> {
    const stream = await this.#open();
    if (this.kind === 'rheed') await (stream as RheedStream).push(batch(from, count));
    else await (stream as TimeseriesStream).push(readings(from, count));
  }

  async start(): Promise<void> {
    await (await this.#open()).begin();
  }

  async flush(): Promise<void> {
    if (this.#stream?.open) await this.#stream.flush();
  }

  async finalize(): Promise<void> {
    await (await this.#starting)?.finalize();
    await this.#stream?.finalize();
  }

  async #open(): Promise<AnyStream> {
    if (this.#starting === undefined && this.#stream?.open) return this.#stream;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(): Promise<AnyStream> {
    const owner = { node: this.kind, stream: '' };
    const stream =
      this.kind === 'rheed'
        ? await uploader.startRheed(owner, this.editor, this.editor, undefined, true)
        : await uploader.startTimeseries(owner, this.editor, this.editor, undefined, true);
    this.#listen(stream);
    return stream;
  }

  #listen(stream: AnyStream): void {
    if (stream.open) this.#stream = stream;
    if (stream.listenerCount('stream') > 0) return;
    stream.on('stream', ({ event, report }) => {
      if (event === 'finalized' && report !== undefined) tell({ finalized: this.kind, report });
    });
    stream.on('problem', () => undefined);
  }
}

const tell = (told: Told): unknown => process.send?.(told);
const logger = { error() {}, warn() {}, info() {}, debug() {} };
const newNodes = () => ({ rheed: new Node('rheed'), timeseries: new Node('timeseries') });
let nodes = newNodes();
let uploader: Uploader;

const actions: { [name: string]: (asked: Asked) => Promise<unknown> } = {
  acquire: async ({ account, editors }) => {
    uploader = await uploaderModule.Uploader.acquire({ ...(account as Account), logger });
    nodes = newNodes();
    for (const kind of KINDS) nodes[kind].attach(uploader, editors?.[kind] ?? {});
  },
  release: () => uploader.release(),
  push: ({ kind, from, count }) => nodes[kind as Kind].push(from as number, count as number),
  start: ({ kind }) => nodes[kind as Kind].start(),
  flush: ({ kind }) => nodes[kind as Kind].flush(),
  finalize: ({ kind }) => nodes[kind as Kind].finalize(),
  deploy: async ({ kind, editors, removed }) => {
    await uploader.detach(kind as Kind, removed ?? false);
    nodes[kind as Kind].attach(uploader, editors?.[kind as Kind] ?? {});
  },
  /** Ends everything; answers what is left when that takes too long, or waits for other settings. */
  drain: async () => {
    const end = Date.now() + 45_000;
    // Corrected settings reach a refused stream when the disk has them.
    let refused = Date.now();
    while (uploader.streams.length > 0 && Date.now() < Math.min(end, refused + 3_000)) {
      if (uploader.streams.some((stream) => !stream.refused)) refused = Date.now();
      for (const stream of uploader.streams) await stream.finalize();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return uploader.streams.map((stream) => ({
      folder: stream.folder,
      ...stream.health(),
      ...stream.status(),
    }));
  },
};

process.on('message', async (asked: Asked) => {
  try {
    tell({ id: asked.id, answer: await actions[asked.action]?.(asked) });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    tell({ id: asked.id, error: { code: code ?? 'no code', message } });
  }
});
process.on('disconnect', () => process.exit());
