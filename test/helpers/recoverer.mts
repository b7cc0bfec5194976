/** A process that recovers one spool after the other, ends its streams, and says how that went. Its time is fast. */
import './fast-time.mts';
import uploaderModule, { type Uploader } from '../../dist/uploader/uploader.js';
import type { LifeOptions } from './stream-lives.mts';
import { OWNERS } from './stream-lives.mts';

export type Task = Pick<LifeOptions, 'kind' | 'spoolDir' | 'endpoint'>;

export interface Outcome {
  /** Streams that took data when the first process began. */
  readonly open: number;
  readonly isEnded: boolean;
  readonly errors: readonly string[];
}

async function recover({ kind, spoolDir, endpoint }: Task): Promise<Outcome> {
  const errors: string[] = [];
  let open = 0;
  // What a fault left in memory alone ends with the process; two minutes pass in the last.
  for (let start = 1; start <= 3; start += 1) {
    const uploader = await uploaderModule.Uploader.acquire({
      id: 'account',
      apiKey: 'key',
      spoolDir,
      endpoint,
      spoolMinFreeBytes: 0,
      clockSync: false,
      logger: { error: (text) => errors.push(text), warn() {}, info() {}, debug() {} },
    });
    const mine = uploader.attach(OWNERS[kind].node, kind, {}).filter((stream) => stream.open);
    if (start === 1) open = mine.length;
    for (const stream of mine) await stream.finalize();
    const isEnded = await ended(uploader, start < 3 ? 20_000 : 120_000);
    await uploader.release();
    if (isEnded) return { open, isEnded, errors };
  }
  return { open, isEnded: false, errors };
}

async function ended(uploader: Uploader, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    if (uploader.streams.length === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

process.on('message', async (task: Task) => {
  process.send?.(await recover(task).catch((error: Error) => ({ failure: error.stack })));
});
process.on('disconnect', () => process.exit());
