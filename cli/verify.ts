import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeChecked } from '../uploader/spool/checked-json.js';
import type { ChunkCheck } from '../uploader/spool/chunk-check.js';
import { Quarantine } from '../uploader/spool/quarantine.js';
import { type Colour, counted, paint, print, printWrapped } from './print.js';
import { type Account, openSpool, readStream, type StreamFolder } from './spool.js';
import { closeChunk, openChunk, type StoredChunk, storedChunks } from './stored-chunks.js';

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

/** A running process seals and delivers while it is looked at: what seems damaged is looked at again. */
const LOOKS = 3;
const PAUSE = 500;

/** `spool verify`. */
export async function verify(folder: string | undefined, { json, all }: VerifyOptions): Promise<number> {
  const found: { account: string; path: string; files: Checked[] }[] = [];
  for (const account of await openSpool(folder)) {
    if (!json) printWrapped(`Account ${account.id}, ${account.path}`, '');
    const files: Checked[] = [...(await verifyAccount(account))];
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

async function verifyAccount({ path }: Account): Promise<Checked[]> {
  const file = 'account.json';
  const text = await readFile(join(path, file), 'utf8').catch(() => undefined);
  if (text === undefined) return [];
  const isWhole = decodeChecked(text) !== undefined;
  const detail = isWhole ? '' : 'its checksum does not hold; the next start of Node-RED writes it anew';
  return [{ file, verdict: isWhole ? 'whole' : 'damaged', held: null, detail }];
}

async function* verifyStream(account: Account, stream: StreamFolder): AsyncGenerator<Checked> {
  const inAccount = (path: string): string => relative(account.path, path);
  const looks = account.inUse === 'no' ? 1 : LOOKS;
  yield {
    file: inAccount(`${stream.path}/stream.json`),
    held: null,
    ...(await verifyRecord(stream)),
  };
  if (stream.isNewer) return;
  for (const chunk of await storedChunks(stream)) {
    const checked = await verifyChunk(stream, chunk, looks);
    // Undefined: delivered and gone meanwhile.
    if (checked !== undefined) yield { ...checked, file: inAccount(checked.file) };
  }
  const quarantine = await Quarantine.load(stream.path);
  for (const { number, at } of quarantine.chunks) {
    const file = inAccount(`${quarantine.path}/${String(number).padStart(6, '0')}.reason.json`);
    if (at === 0)
      yield { file, verdict: 'damaged', held: null, detail: 'missing, or its checksum does not hold' };
    else yield { file, verdict: 'whole', held: null, detail: '' };
  }
}

async function verifyRecord(stream: StreamFolder): Promise<Pick<Checked, 'verdict' | 'detail'>> {
  const again = await readStream(stream.path);
  if (again?.problem !== undefined)
    return { verdict: again.isNewer ? 'unknown' : 'damaged', detail: again.problem.message };
  if (again !== undefined && again.record === undefined)
    return { verdict: 'damaged', detail: 'missing, though there is data beside it' };
  const damage = again?.damage;
  return { verdict: damage === undefined ? 'whole' : 'damaged', detail: damage?.message ?? '' };
}

async function verifyChunk(
  stream: StreamFolder,
  chunk: StoredChunk,
  looks: number,
): Promise<Checked | undefined> {
  for (let look = 1; ; look += 1) {
    const checked = await verifyOnce(stream, chunk);
    if (checked?.verdict !== 'damaged' || look >= looks) return checked;
    await sleep(PAUSE);
    const isThere = (await storedChunks((await readStream(stream.path)) ?? stream)).some(
      ({ number, folder }) => number === chunk.number && folder === chunk.folder,
    );
    if (!isThere) return undefined;
  }
}

async function verifyOnce(stream: StreamFolder, chunk: StoredChunk): Promise<Checked | undefined> {
  const reader = await openChunk(stream, chunk);
  if (reader === undefined) {
    const file = `${chunk.folder}/${String(chunk.number).padStart(6, '0')}`;
    return { file, verdict: 'damaged', held: 0, detail: 'its data is missing' };
  }
  try {
    return { file: reader.path, ...(await reader.check()) };
  } finally {
    await closeChunk(reader);
  }
}

const COLOURS: Readonly<Record<Checked['verdict'], Colour>> = {
  whole: 'green',
  torn: 'yellow',
  damaged: 'red',
  unknown: 'red',
};

function printChecked({ file, verdict, held, detail }: Checked): void {
  const holds = held === null ? '' : `, ${held} hold`;
  printWrapped(
    `${paint(verdict.padEnd(8), COLOURS[verdict])} ${file}${detail === '' ? '' : `: ${detail}${holds}`}`,
    '  ',
  );
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
