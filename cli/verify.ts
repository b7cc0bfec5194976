import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { decodeChecked } from '../uploader/spool/checked-json.js';
import type { ChunkCheck } from '../uploader/spool/chunk-check.js';
import { numbered } from '../uploader/spool/files.js';
import { type Colour, counted, print, printWrapped } from './print.js';
import { type Account, openSpool, readStream, type StreamFolder } from './spool.js';
import { lookAt } from './steady.js';
import { closeChunk, quarantineOf, type StoredChunk, storedChunks } from './stored-chunks.js';

interface Checked {
  /** Relative to the account's folder. */
  readonly file: string;
  /** `unknown`: written by a newer version. */
  readonly verdict: ChunkCheck['verdict'] | 'unknown';
  /** Frames, or records of a journal, that hold. */
  readonly held: number | null;
  readonly detail: string;
}

interface VerifyOptions {
  readonly json?: boolean;
  readonly all?: boolean;
}

/** `spool verify`. */
export async function verify(folder: string | undefined, { json, all }: VerifyOptions): Promise<number> {
  const found: { account: string; path: string; files: Checked[] }[] = [];
  for (const account of await openSpool(folder)) {
    if (!json) printWrapped(`Account ${account.id}, ${account.path}`, '');
    const files: Checked[] = [
      ...(await verifyText(account, join(account.path, 'account.json'), 'the next start writes it anew')),
    ];
    for (const stream of account.streams) {
      for await (const checked of verifyStream(account, stream)) {
        files.push(checked);
        if (!json && (all || checked.verdict !== 'whole')) printChecked(checked);
      }
    }
    if (!json) printSum(files);
    found.push({ account: account.id, path: account.path, files });
  }
  const isWhole = found.every(({ files }) =>
    files.every(({ verdict }) => verdict === 'whole' || verdict === 'torn'),
  );
  if (json) print(JSON.stringify({ whole: isWhole, accounts: found }, null, 2));
  return isWhole ? 0 : 1;
}

/** A file of checked JSON that need not be there; `then`: what becomes of it when it is damaged. */
async function verifyText({ path }: Account, file: string, then: string): Promise<Checked[]> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return [];
  const found = { file: relative(path, file), held: null };
  if (decodeChecked(text) !== undefined) return [{ ...found, verdict: 'whole', detail: '' }];
  return [{ ...found, verdict: 'damaged', detail: `its checksum does not hold; ${then}` }];
}

async function* verifyStream(account: Account, stream: StreamFolder): AsyncGenerator<Checked> {
  const inAccount = (path: string): string => relative(account.path, path);
  const record = join(stream.path, 'stream.json');
  yield { file: inAccount(record), held: null, ...(await verifyRecord(stream)) };
  if (stream.isNewer) return;
  yield* await verifyText(account, `${record}.old`, 'the next change of stream.json replaces it');
  for (const chunk of await storedChunks(stream)) {
    const checked = await verifyChunk(account, stream, chunk);
    if (checked !== undefined) yield { ...checked, file: inAccount(checked.file) };
  }
  const quarantine = await quarantineOf(stream);
  for (const { number, at } of quarantine.chunks) {
    const file = inAccount(numbered(quarantine.path, number, 'reason.json'));
    if (at === 0)
      yield { file, verdict: 'damaged', held: null, detail: 'missing, or its checksum does not hold' };
    else yield { file, verdict: 'whole', held: null, detail: '' };
  }
}

async function verifyRecord(stream: StreamFolder): Promise<Pick<Checked, 'verdict' | 'detail'>> {
  const again = await readStream(stream.path);
  const problem = again?.problem ?? again?.damage;
  if (problem !== undefined)
    return { verdict: again?.isNewer ? 'unknown' : 'damaged', detail: problem.message };
  if (again !== undefined && again.record === undefined)
    return { verdict: 'damaged', detail: 'missing, though there is data beside it' };
  return { verdict: 'whole', detail: '' };
}

/** Undefined when it was delivered meanwhile. */
async function verifyChunk(
  account: Account,
  stream: StreamFolder,
  chunk: StoredChunk,
): Promise<Checked | undefined> {
  const looked = await lookAt(account, stream, chunk);
  if (looked === 'gone') return undefined;
  if (looked === 'missing') {
    const file = numbered(chunk.folder, chunk.number, 'json');
    return { file, verdict: 'damaged', held: 0, detail: 'the data it speaks of is missing' };
  }
  await closeChunk(looked.reader);
  return { file: looked.reader.path, ...looked.check };
}

const COLOURS: Readonly<Record<Checked['verdict'], Colour>> = {
  whole: 'green',
  torn: 'yellow',
  damaged: 'red',
  unknown: 'red',
};

function printChecked({ file, verdict, held, detail }: Checked): void {
  const holds = held === null ? '' : `, ${held} hold`;
  const text = `${verdict.padEnd(8)} ${file}${detail === '' ? '' : `: ${detail}${holds}`}`;
  printWrapped(text, '  ', COLOURS[verdict]);
}

function printSum(files: readonly Checked[]): void {
  const count = (verdict: Checked['verdict']): number =>
    files.filter((file) => file.verdict === verdict).length;
  const verdicts = (['whole', 'torn', 'damaged', 'unknown'] as const).filter(
    (verdict) => verdict !== 'unknown' || count(verdict) > 0,
  );
  print(
    `  ${counted(files.length, 'file')}: ${verdicts.map((verdict) => `${count(verdict)} ${verdict}`).join(', ')}`,
  );
}
