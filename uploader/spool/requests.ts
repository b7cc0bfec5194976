import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { SpoolError } from '../errors.js';
import { decodeChecked, encodeChecked } from './checked-json.js';
import { codeOf, makeFolder, writeDurably } from './files.js';

/** What a person asks of the process that owns the spool: `<account>/requests/<uuid>.json`. */
const Request = v.object({
  action: v.picklist(['retry', 'discard']),
  /** Name of the stream's folder. */
  stream: v.string(),
  /** Chunk indexes; null: all that are in quarantine. */
  chunks: v.nullable(v.array(v.number())),
});
export type Request = v.InferOutput<typeof Request>;

/** `<uuid>.answer.json`. */
const Answer = v.object({
  /** Indexes of the chunks it was done for. */
  chunks: v.optional(v.array(v.number())),
  error: v.optional(v.string()),
});
export type Answer = v.InferOutput<typeof Answer>;

const POLL = 200;
const REQUEST = /^[\w-]+\.json$/;
const folderOf = (account: string): string => join(account, 'requests');

/**
 * Asks the owner of an account's spool and waits for its answer.
 *
 * @throws SpoolError when no answer comes within `timeout` ms; the request is then withdrawn
 */
export async function askOwner(account: string, request: Request, timeout = 15_000): Promise<Answer> {
  const folder = folderOf(account);
  const name = randomUUID();
  const [asked, answered] = [join(folder, `${name}.json`), join(folder, `${name}.answer.json`)];
  await makeFolder(folder);
  await writeDurably(asked, encodeChecked(request));
  try {
    for (const end = performance.now() + timeout; performance.now() < end; ) {
      await sleep(POLL);
      const answer = await readChecked(answered, Answer);
      if (answer !== undefined) return answer;
    }
  } finally {
    await rm(asked, { force: true });
    await rm(answered, { force: true });
  }
  throw new SpoolError(
    'ERR_SPOOL',
    account,
    `${account}: expected an answer of the process that owns it, got none in ${timeout / 1000} s; is Node-RED busy, or of an older version?`,
  );
}

/** Answers what was asked since the last call. */
export async function answerRequests(
  account: string,
  perform: (request: Request) => Promise<readonly number[]>,
): Promise<void> {
  const folder = folderOf(account);
  for (const name of await names(folder)) {
    if (!REQUEST.test(name)) continue;
    const path = join(folder, name);
    const request = await readChecked(path, Request);
    if (request === undefined) continue;
    await rm(path, { force: true });
    const answer: Answer = await perform(request).then(
      (chunks) => ({ chunks: [...chunks] }),
      (error: unknown) => ({ error: (error as Error).message }),
    );
    await writeDurably(path.replace(/json$/, 'answer.json'), encodeChecked(answer));
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined while it is not there, or not whole. */
async function readChecked<S extends v.GenericSchema>(
  path: string,
  schema: S,
): Promise<v.InferOutput<S> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const parsed = v.safeParse(schema, decodeChecked(text));
  return parsed.success ? parsed.output : undefined;
}
