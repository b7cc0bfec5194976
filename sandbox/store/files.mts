/** Small JSON files, replaced as a whole or not at all. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes aside and renames; the folder is made when it is missing. Calls for one file must not overlap. */
export async function writeJson(file: string, value: unknown): Promise<void> {
  const aside = `${file}.part`;
  const text = `${JSON.stringify(value, null, 1)}\n`;
  try {
    await writeFile(aside, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(aside, text);
  }
  await rename(aside, file);
}

/** undefined when there is no such file. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
