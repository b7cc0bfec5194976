import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { StreamKind } from '../uploader/types.js';
import { ExportChunks } from './export/chunks.js';
import { exportCsv } from './export/readings.js';
import { exportTiff } from './export/tiff.js';
import { exportZarr } from './export/zarr.js';
import { counted, printWrapped } from './print.js';
import { type Account, openSpool, type StreamFolder } from './spool.js';
import { UsageError } from './usage.js';

type Writer = (chunks: ExportChunks, to: string) => Promise<number>;

const FORMATS: Readonly<Record<string, { kind: StreamKind; write: Writer }>> = {
  zarr: { kind: 'rheed', write: exportZarr },
  tiff: { kind: 'rheed', write: exportTiff },
  csv: { kind: 'timeseries', write: exportCsv },
};
const DEFAULTS: Readonly<Record<StreamKind, Writer>> = { rheed: exportZarr, timeseries: exportCsv };

interface ExportOptions {
  readonly to?: string;
  readonly format?: string;
  readonly quarantine?: boolean;
}

/** `spool export`. */
export async function exportStreams(
  folder: string | undefined,
  { to, format, quarantine = false }: ExportOptions,
): Promise<number> {
  if (to === undefined) throw new UsageError('expected --to <folder>: where to write');
  const chosen = format === undefined ? undefined : FORMATS[format];
  if (format !== undefined && chosen === undefined)
    throw new UsageError(`expected --format ${Object.keys(FORMATS).join(', ')}, got ${format}`);
  const target = resolve(to);
  await refuseUsed(target);
  const accounts = await openSpool(folder);
  refuseSpool(target, accounts);
  const streams = accounts
    .flatMap((account) => account.streams.map((stream) => ({ account, stream })))
    .filter(({ stream }) => chosen === undefined || stream.kind === chosen.kind);
  let [exported, isWhole] = [0, true];
  for (const { account, stream } of streams) {
    const parts = [
      ...(accounts.length > 1 ? [account.id] : []),
      ...(streams.length > 1 ? [stream.name] : []),
    ];
    const write = chosen?.write ?? DEFAULTS[stream.kind];
    const result = await exportStream(account, stream, join(target, ...parts), write, quarantine);
    exported += result.count;
    isWhole &&= result.isWhole;
  }
  if (exported === 0) printWrapped(`nothing to export${noneText(streams.length, format, quarantine)}`, '');
  return exported > 0 && isWhole ? 0 : 1;
}

function noneText(streams: number, format: string | undefined, quarantine: boolean): string {
  if (streams === 0) return format === undefined ? ': there are no streams' : `: no stream is for ${format}`;
  return quarantine ? '' : '; what is in quarantine is exported with --quarantine';
}

/** Nothing is ever overwritten. */
async function refuseUsed(target: string): Promise<void> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw new UsageError(`${target}: expected a folder, found a file`);
    throw error;
  });
  if (names.length > 0) {
    throw new UsageError(
      `${target}: expected a new or empty folder, found ${counted(names.length, 'file')} in it; nothing is overwritten`,
    );
  }
}

/** What stands in the spool is taken for a stream. */
function refuseSpool(target: string, accounts: readonly Account[]): void {
  const owned = accounts.flatMap(({ path, streams }) => [
    ...(existsSync(join(path, 'lock')) ? [path] : []),
    ...streams.map((stream) => stream.path),
  ]);
  const inside = owned.find((path) => {
    const way = relative(path, target);
    return !way.startsWith('..') && !isAbsolute(way);
  });
  if (inside !== undefined)
    throw new UsageError(`${target}: expected a folder outside the spool, this one is in ${inside}`);
}

async function exportStream(
  account: Account,
  stream: StreamFolder,
  to: string,
  write: Writer,
  quarantine: boolean,
): Promise<{ count: number; isWhole: boolean }> {
  const title = `${stream.record?.generations[0]?.name ?? '(no name)'}, ${stream.name}`;
  if (stream.isNewer) {
    printWrapped(`${title}: ${stream.problem?.message}`, '');
    return { count: 0, isWhole: false };
  }
  const chunks = await ExportChunks.of(account, stream, quarantine);
  const count = await write(chunks, to);
  const unit = stream.kind === 'rheed' ? 'frame' : 'value';
  printWrapped(`${title}: ${counted(count, unit)}${count > 0 ? ` to ${to}` : ''}`, '');
  const problem = stream.problem ?? stream.damage;
  if (problem !== undefined) printWrapped(`damaged  ${problem.message}`, '  ');
  for (const { chunk, from, detail, exported, certain } of chunks.damaged) {
    const where = from === 'quarantine' ? ' in quarantine' : '';
    const parts = stream.kind === 'rheed' ? 'frame' : 'record';
    const doubt = certain ? '' : ', perhaps changed';
    const what =
      exported > 0 ? `${counted(exported, parts)} of it exported${doubt}` : 'nothing of it exported';
    printWrapped(`damaged  chunk ${chunk}${where}: ${detail}; ${what}`, '  ');
  }
  for (const [first, last, why] of await chunks.missing())
    printWrapped(`missing  ${first === last ? `chunk ${first}` : `chunks ${first}–${last}`}: ${why}`, '  ');
  return { count, isWhole: chunks.damaged.length === 0 && problem === undefined };
}
