import { basename, dirname } from 'node:path';
import { SpoolError } from '../uploader/errors.js';
import { chosen, discardQuarantined, retryInFolder } from '../uploader/quarantine-actions.js';
import { AccountFolder } from '../uploader/spool/account-folder.js';
import { runsOf } from '../uploader/spool/chunk-check.js';
import { Quarantine } from '../uploader/spool/quarantine.js';
import { askOwner, type Request } from '../uploader/spool/requests.js';
import { RecordFile } from '../uploader/spool/stream-record.js';
import { counted, printWrapped } from './print.js';
import { type Account, openSpool, type StreamFolder } from './spool.js';
import { quarantineOf } from './stored-chunks.js';
import { UsageError } from './usage.js';

interface QuarantineOptions {
  /** As `3,5-9`. */
  readonly chunks?: string;
  readonly yes?: boolean;
}

/** What is to be done with a stream's chunks. */
interface Task {
  readonly account: Account;
  readonly stream: StreamFolder;
  /** Chunk indexes. */
  readonly chunks: readonly number[];
}

/** `spool retry`. */
export async function retry(folder: string | undefined, options: QuarantineOptions): Promise<number> {
  const tasks = await tasksOf(folder, options.chunks);
  return perform('retry', tasks);
}

/** `spool discard`. */
export async function discard(folder: string | undefined, options: QuarantineOptions): Promise<number> {
  const tasks = await tasksOf(folder, options.chunks);
  if (options.yes || tasks.length === 0) return perform('discard', tasks);
  for (const task of tasks) printWrapped(`${titleOf(task)}: would delete ${chunksText(task.chunks)}`, '');
  throw new UsageError('nothing was deleted; with --yes it is, and there is no way back');
}

async function tasksOf(folder: string | undefined, chunks: string | undefined): Promise<Task[]> {
  const indexes = chunks === undefined ? undefined : indexesIn(chunks);
  const accounts = await openSpool(folder);
  const streams = accounts.flatMap((account) => account.streams.map((stream) => ({ account, stream })));
  if (indexes !== undefined && streams.length > 1) {
    throw new UsageError(
      `expected one stream's folder with --chunks, found ${streams.length} streams in it: each counts its chunks from 0`,
    );
  }
  const tasks: Task[] = [];
  for (const { account, stream } of streams) {
    const found = chosen(await quarantineOf(stream), indexes);
    if (found.length > 0)
      tasks.push({ account, stream, chunks: found.map(({ chunk_index }) => chunk_index) });
  }
  return tasks;
}

/** `3,5-7` is 3, 5, 6, 7. */
function indexesIn(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, from, to] = /^\s*(\d{1,9})(?:\s*[-–]\s*(\d{1,9}))?\s*$/.exec(part) ?? [];
    const [first, last] = [Number(from), Number(to ?? from)];
    if (!(last >= first && last - first < 1e6))
      throw new UsageError(`expected --chunks as 3,5-9, got "${text}"`);
    return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  });
}

/** Resolves to the exit code. */
async function perform(action: Request['action'], tasks: readonly Task[]): Promise<number> {
  if (tasks.length === 0) {
    printWrapped('nothing in quarantine, or none of these chunks', '');
    return 1;
  }
  let isDone = true;
  for (const task of tasks) {
    try {
      const notes = await performOne(action, task);
      for (const note of notes) printWrapped(note, '');
    } catch (error) {
      isDone = false;
      printWrapped(`${titleOf(task)}: ${(error as Error).message}`, '');
    }
  }
  return isDone ? 0 : 1;
}

/** Does it here when no process owns the account, else asks the owner. */
async function performOne(action: Request['action'], { account, stream, chunks }: Task): Promise<string[]> {
  const title = titleOf({ stream });
  const problem = stream.problem ?? stream.damage;
  if (problem !== undefined) throw problem;
  const lock = await takeLock(account);
  if (lock === undefined) {
    const answer = await askOwner(account.path, { action, stream: stream.name, chunks: [...chunks] });
    if (answer.error !== undefined) throw new SpoolError('ERR_SPOOL', stream.path, answer.error);
    const done = chunksText(answer.chunks ?? []);
    return [`${title}: ${done} ${action === 'retry' ? 'sent again by the running Node-RED' : 'deleted'}`];
  }
  try {
    const record = await RecordFile.read(stream.path);
    if (record === undefined) throw new SpoolError('ERR_SPOOL', stream.path, 'its stream.json is missing');
    const quarantine = await Quarantine.load(stream.path);
    const found = chosen(quarantine, chunks);
    if (action === 'discard') {
      await discardQuarantined(record, quarantine, found);
      return [`${title}: ${chunksText(chunks)} deleted`];
    }
    const { problems, quarantine: left } = await retryInFolder(record, quarantine, found);
    const again = left.chunks.map(({ chunk_index }) => chunk_index);
    const sent = chunks.filter((index) => !again.includes(index));
    if (problems.length > 0 && sent.length === 0)
      throw new SpoolError('ERR_SPOOL', stream.path, problems.map(({ message }) => message).join('; '));
    return [
      `${title}: ${chunksText(sent)} sent again at the next start of Node-RED`,
      ...problems.map(({ message }) => `  ${message}`),
    ];
  } finally {
    lock.release();
  }
}

/** Undefined when a process holds it. */
async function takeLock({ path }: Account): Promise<AccountFolder | undefined> {
  try {
    return await AccountFolder.open(dirname(path), basename(path));
  } catch (error) {
    if (error instanceof SpoolError && error.message.startsWith('locked')) return undefined;
    throw error;
  }
}

const titleOf = ({ stream }: Pick<Task, 'stream'>): string =>
  `${stream.record?.generations[0]?.name ?? '(no name)'}, ${stream.name}`;

const chunksText = (chunks: readonly number[]): string =>
  `${counted(chunks.length, 'chunk')} (${runsOf(chunks)})`;
