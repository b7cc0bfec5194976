/** What a restart makes of what a life left, compared with what that life was promised. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import uploaderModule, { type Uploader } from '../../dist/uploader/uploader.js';
import type { Sandbox } from '../../sandbox/server.mts';
import { quarantined } from './quarantined.mts';
import { arrived, type LifeOptions, OWNERS, type Promised } from './stream-lives.mts';

/** Recovers what a life left, ends its streams, and compares what arrived with what was promised. */
export async function finish(
  { kind, spoolDir, name }: Pick<LifeOptions, 'kind' | 'spoolDir' | 'name'>,
  sandbox: Sandbox,
  promises: readonly Promised[],
): Promise<void> {
  sandbox.faults.clear();
  const inDoubt = await beingCreated(spoolDir);
  const errors: string[] = [];
  for (let start = 1; ; start += 1) {
    const uploader = await uploaderModule.Uploader.acquire({
      id: 'account',
      apiKey: 'key',
      spoolDir,
      endpoint: sandbox.url,
      spoolMinFreeBytes: 0,
      clockSync: false,
      logger: { error: (text) => errors.push(text), warn() {}, info() {}, debug() {} },
    });
    const open = uploader.attach(OWNERS[kind].node, kind, {}).filter((stream) => stream.open);
    const ended = promises.filter((one) => 'finalize' in one).length;
    if (start === 1) assert.ok(open.length <= 2 - ended, `${open.length} open after ${ended} were finalized`);
    for (const stream of open) await stream.finalize();
    // A chunk sent early without an answer goes a second time a minute later, or at once after a restart.
    const isGone = await gone(uploader, start < 4 ? 1_500 : 30_000);
    await uploader.release();
    if (isGone) break;
    assert.ok(start < 4, `a stream does not end: ${errors.join('\n')}`);
  }
  const streams = await arrived(sandbox, kind, name);
  const there = streams.flatMap(({ numbers }) => numbers);
  const kept = await quarantined(join(spoolDir, 'account'));
  const confirmed = promises.flatMap((one) => ('pushed' in one ? one.pushed : []));
  const story = `arrived ${there}; in quarantine ${kept}; confirmed ${confirmed}; errors ${errors.join('\n')}`;
  const isInOrder = there.every((number, i) => i === 0 || number > (there[i - 1] as number));
  assert.ok(isInOrder, `not in order, or not once: ${story}`);
  for (const number of confirmed) {
    assert.ok(there.includes(number) || kept.includes(number), `${number} is lost: ${story}`);
  }
  // The service refuses one chunk of every life.
  assert.ok(kept.length <= 5, `more than one chunk is in quarantine: ${story}`);
  const wanted = promises.some((one) => 'finalize' in one && one.finalize === 1) ? 2 : 1;
  assert.ok(
    streams.length <= wanted + inDoubt,
    `${streams.length} streams on the service, expected ${wanted} and ${inDoubt} in doubt: ${story}`,
  );
  const left = streams.filter(({ status }) => status === 'stream_active');
  assert.ok(left.length <= inDoubt, `${left.length} were never ended: ${story}`);
  assert.deepEqual(sandbox.complaints, []);
}

async function gone(uploader: Uploader, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (uploader.streams.length > 0) {
    if (performance.now() > end) return false;
    await sleep(10);
  }
  return true;
}

/** Streams of which nobody can know whether the service has created them. */
async function beingCreated(spoolDir: string): Promise<number> {
  let count = 0;
  const account = join(spoolDir, 'account');
  for (const name of await readdir(account).catch(() => [])) {
    const file = join(account, name, 'stream.json');
    const record = await readFile(file, 'utf8').catch(() => readFile(`${file}.old`, 'utf8').catch(() => ''));
    if (record.includes('"opening":"creating"')) count += 1;
  }
  return count;
}
