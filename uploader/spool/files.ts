import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SpoolError } from '../errors.js';

/** Spooled data is the user's alone. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/** Chunk numbers as file names: six digits, more when needed. */
export const numbered = (folder: string, number: number, ending: string): string =>
  join(folder, `${String(number).padStart(6, '0')}.${ending}`);

/** Makes names in a folder survive a power cut. Windows has no such call. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  await withFile(folder, 'r', (handle) => handle.sync());
}

export async function withFile<T>(
  path: string,
  flags: string,
  use: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await open(path, flags, FILE_MODE);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** Replaces a file so that either the old or the new text is there after a power cut. */
export async function writeDurably(path: string, text: string): Promise<void> {
  await replace(path, text);
  await syncFolder(dirname(path));
}

/** Replaces a file as a whole. The text is on the disk platter; that it has this name is not before the folder is synced. */
export async function replace(path: string, text: string): Promise<void> {
  const aside = `${path}.tmp`;
  await writeSynced(aside, text);
  await renameHeld(aside, path);
}

/** The text is on the disk platter; the file's name is not yet. */
export async function writeSynced(path: string, text: string): Promise<void> {
  await withFile(path, 'w', async (handle) => {
    await handle.writeFile(text);
    await handle.sync();
  });
}

/** Renames within a folder and syncs it. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await renameHeld(from, to);
  await syncFolder(dirname(to));
}

/** Renames. Virus scanners hold new files on Windows: tried again for a while. */
export async function renameHeld(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rename(from, to);
    } catch (error) {
      const isHeld =
        process.platform === 'win32' && ['EPERM', 'EACCES', 'EBUSY'].includes(codeOf(error) ?? '');
      if (!isHeld || attempt >= 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10 * attempt));
    }
  }
}

/** Makes a folder, and those around it, so that they are there after a power cut. */
export async function makeFolder(path: string): Promise<void> {
  const first = await makeFolders(path);
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    // The one around may be another user's: what can only be entered cannot be synced.
    await syncFolder(dirname(made)).catch((error: unknown) => {
      if (codeOf(error) !== 'EACCES') throw error;
    });
  }
}

/** @returns the first of those made, if any */
async function makeFolders(path: string): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  } catch (error) {
    // That is what the recursive call says of a read-only disk as well: the plain one tells them apart.
    if (codeOf(error) !== 'ENOENT') throw error;
    await mkdir(path, { mode: FOLDER_MODE });
    return path;
  }
}

export async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

export const codeOf = (error: unknown): string | undefined =>
  (error as NodeJS.ErrnoException | undefined)?.code;

const ADVICE: Readonly<Record<string, string>> = {
  EMFILE: 'too many files are open in this process: finalize streams, or raise its limit',
  ENFILE: 'too many files are open on this machine: end other programs, or raise its limit',
  EIO: 'the disk fails: look after it, and move the spool to another one',
};

/** The coded error behind a failed file operation: a full disk is ERR_SPOOL_FULL. */
export function spoolError(error: unknown, path: string, doing: string): SpoolError {
  if (error instanceof SpoolError) return error;
  const code = codeOf(error);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const advice = full
    ? 'free disk space'
    : (ADVICE[code ?? ''] ?? 'check that the folder exists and is writable');
  return new SpoolError(
    full ? 'ERR_SPOOL_FULL' : 'ERR_SPOOL',
    path,
    `${doing} ${path}: ${code ?? (error as Error).message}; ${advice}`,
    {
      cause: error,
    },
  );
}
