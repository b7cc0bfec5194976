import { copyFile, readFile } from 'node:fs/promises';
import { codeOf, renameDurably, renameHeld, spoolError, writeDurably, writeSynced } from './files.js';

/*
 * `stream.json` is written often, and all that its folder holds needs it. So the record before it stays beside it as
 * `stream.json.old`: written and synced as a whole once, and not touched since.
 */
const old = (path: string): string => `${path}.old`;

/** Replaces a record; after a power cut the new one is there, or the one before it under either name. */
export async function replaceRecord(path: string, text: string): Promise<void> {
  const aside = `${path}.tmp`;
  await writeSynced(aside, text);
  await renameHeld(path, old(path)).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  await renameDurably(aside, path);
}

/** Puts another record in the place of a damaged one, which is kept as `stream.json.damaged`. */
export async function repairRecord(path: string, text: string): Promise<void> {
  await copyFile(path, `${path}.damaged`);
  await writeDurably(path, text);
}

/** A record that holds. */
export interface FoundRecord<T> {
  readonly data: T;
  /** What does not hold of the last one, in whose place this is the one before it. */
  readonly damage: string | undefined;
}

/**
 * Reads a record, or the one before it where that does not hold or was just being replaced.
 *
 * @param check gives the record, or in words what does not hold
 * @returns undefined when there is none
 * @throws SpoolError when what is there cannot be read; what does not hold of both, in words
 */
export async function readRecord<T>(
  path: string,
  check: (text: string, path: string) => Promise<{ data: T } | string>,
): Promise<FoundRecord<T> | string | undefined> {
  const [last, before] = [await readText(path), await readText(old(path))];
  const found = last === undefined ? undefined : await check(last, path);
  if (typeof found === 'object') return { data: found.data, damage: undefined };
  if (before === undefined) return found;
  const earlier = await check(before, old(path));
  if (typeof earlier === 'object') return { data: earlier.data, damage: found };
  return found ?? earlier;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw spoolError(error, path, 'reading');
  }
}
