import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { encodeChecked } from './checked-json.js';
import { codeOf, makeFolder, syncFolder, writeDurably } from './files.js';

export const QUARANTINE = 'quarantine';

/**
 * Moves files that cannot be delivered or read beside the others, with the reason; nothing is deleted.
 *
 * @param name of the reason file, without ending
 */
export async function quarantine(
  folder: string,
  files: readonly string[],
  name: string,
  reason: object,
): Promise<void> {
  const target = join(folder, QUARANTINE);
  await makeFolder(target);
  await writeDurably(join(target, `${name}.reason.json`), encodeChecked(reason));
  for (const file of files) {
    try {
      await rename(file, join(target, basename(file)));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  await syncFolder(target);
  await syncFolder(folder);
}
