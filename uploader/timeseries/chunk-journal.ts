import { readFile } from 'node:fs/promises';
import { placeSidecar, type TimeseriesSidecar } from '../spool/entry.js';
import { numbered, removeIfThere, renameHeld, spoolError, syncFolder } from '../spool/files.js';
import { encodeRecord, type Header, type JournalRecord, JournalWriter } from './journal.js';

/** A whole chunk as the library was given it. */
export type TableRecord = Extract<JournalRecord, { single: boolean }>;

/** Begins a chunk's journal with what it has to hold at least. */
export async function beginJournal(folder: string, number: number, text: string): Promise<JournalWriter> {
  const path = numbered(folder, number, 'open');
  const journal = await JournalWriter.open(path, 0);
  try {
    await journal.append(text);
    await syncFolder(folder);
    return journal;
  } catch (error) {
    await removeJournal(folder, journal, number);
    throw spoolError(error, path, 'beginning');
  }
}

/** Seals a journal: from now on it is only read. That outlives a power cut once the folder is synced. */
export async function sealJournal(
  folder: string,
  journal: JournalWriter,
  sidecar: TimeseriesSidecar,
): Promise<TimeseriesSidecar> {
  const path = numbered(folder, sidecar.number, 'open');
  try {
    await journal.sync();
    await placeSidecar(folder, sidecar);
    await renameHeld(path, numbered(folder, sidecar.number, 'rows'));
  } catch (error) {
    throw spoolError(error, path, 'sealing');
  }
  await journal.close().catch(() => undefined);
  return sidecar;
}

/** Syncs a sealed chunk's names. Where that fails it stays sealed: the old name, with the same rows, is opened again. */
export async function syncSealed(folder: string): Promise<void> {
  await syncFolder(folder).catch(() => undefined);
}

/** Gives up a journal in which nothing was confirmed; where that fails the next one takes its place. */
export async function removeJournal(folder: string, journal: JournalWriter, number: number): Promise<void> {
  await journal.close().catch(() => undefined);
  await removeIfThere(numbered(folder, number, 'open')).catch(() => undefined);
}

/** Writes a whole table, sealed at once. Refused it leaves nothing behind that a restart would deliver. */
export async function writeTable(
  folder: string,
  header: Header,
  record: TableRecord,
): Promise<TimeseriesSidecar> {
  const { number } = header;
  const journal = await beginJournal(folder, number, encodeRecord(header) + encodeRecord(record));
  try {
    const sidecar = await sealJournal(folder, journal, sidecarOf(header, record, journal.bytes));
    await syncSealed(folder);
    return sidecar;
  } catch (error) {
    await removeJournal(folder, journal, number);
    throw error;
  }
}

/** Finishes what the process was about to do when it ended: the table is whole, only its name is the open one. */
export async function sealTable(
  folder: string,
  header: Header,
  record: TableRecord,
  bytes: number,
): Promise<TimeseriesSidecar> {
  const journal = await JournalWriter.open(numbered(folder, header.number, 'open'), bytes);
  const sidecar = await sealJournal(folder, journal, sidecarOf(header, record, bytes));
  await syncSealed(folder);
  return sidecar;
}

function sidecarOf(
  { number, chunk_index }: Header,
  { table }: TableRecord,
  bytes: number,
): TimeseriesSidecar {
  const columns = Object.values(table);
  return {
    version: 1,
    kind: 'timeseries',
    number,
    chunk_index,
    rows: Math.max(0, ...columns.map((column) => column.timestamps.length)),
    points: columns.reduce((sum, column) => sum + column.values.length, 0),
    bytes,
    early_unanswered: false,
  };
}

/** The process ended while it began the chunk. */
export async function isTornHeader(path: string): Promise<boolean> {
  return !(await readFile(path)).includes('\n');
}
