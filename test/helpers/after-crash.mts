/** What a restart makes of what a life left, compared with what that life was promised. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '../../sandbox/server.mts';
import { quarantined } from './quarantined.mts';
import type { Outcome, Task } from './recoverer.mts';
import { arrived, type LifeOptions, type Promised } from './stream-lives.mts';

/** The process in which spools are recovered, one after the other. */
export class Recoverer {
  readonly #child: ChildProcess = fork(new URL('./recoverer.mts', import.meta.url), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });

  async recover(task: Task): Promise<Outcome> {
    const answered = once(this.#child, 'message');
    this.#child.send(task);
    const [answer] = (await answered) as [Outcome | { failure: string }];
    if ('failure' in answer) throw new Error(`recovery failed: ${answer.failure}`);
    return answer;
  }

  async end(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill();
    await gone;
  }
}

/** Recovers what a life left, ends its streams, and compares what arrived with what was promised. */
export async function finish(
  { kind, spoolDir, name, endpoint }: LifeOptions,
  recoverer: Recoverer,
  sandbox: Sandbox,
  promises: readonly Promised[],
): Promise<void> {
  sandbox.faults.clear();
  const inDoubt = await beingCreated(spoolDir);
  const { open, isEnded, errors } = await recoverer.recover({ kind, spoolDir, endpoint });
  const finalized = promises.filter((one) => 'finalize' in one).length;
  assert.ok(open <= 2 - finalized, `${open} open after ${finalized} were finalized`);
  assert.ok(isEnded, `a stream does not end: ${errors.join('\n')}`);
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
  const refused = promises.flatMap((one) => ('refused' in one ? one.refused : []));
  const taken = refused.filter((number) => there.includes(number));
  assert.deepEqual(taken, [], `refused, and sent all the same: ${story}`);
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
