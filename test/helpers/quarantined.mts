/** What is in the quarantine of an account's streams, read back from its files alone. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import checkedJson from '../../dist/uploader/spool/checked-json.js';
import chunk from '../../dist/uploader/timeseries/chunk.js';
import journal from '../../dist/uploader/timeseries/journal.js';
import { numbersOf, rowsOf } from './stream-lives.mts';

/** Numbers of frames and readings in whole chunks in quarantine. */
export async function quarantined(account: string): Promise<number[]> {
  const numbers: number[] = [];
  for (const stream of await readdir(account)) {
    const folder = join(account, stream, 'quarantine');
    if (!existsSync(folder)) continue;
    for (const name of (await readdir(folder)).sort()) {
      const file = join(folder, name);
      if (name.endsWith('.shard')) numbers.push(...(await framesIn(file)));
      if (name.endsWith('.rows')) numbers.push(...(await rowsIn(file)));
    }
  }
  return numbers;
}

/** A shard ends with its index: offset and length of each frame, then a checksum. */
async function framesIn(file: string): Promise<number[]> {
  const sidecar = await readFile(file.replace('.shard', '.json'), 'utf8');
  const { frames } = checkedJson.decodeChecked(sidecar) as { frames: number };
  const bytes = await readFile(file);
  return Array.from({ length: frames }, (_, n) => {
    const index = bytes.length - 4 - 16 * (frames - n);
    const [from, length] = [bytes.readBigUInt64LE(index), bytes.readBigUInt64LE(index + 8)].map(Number);
    return numbersOf(zstdDecompressSync(bytes.subarray(from, (from ?? 0) + (length ?? 0))));
  }).flat();
}

async function rowsIn(file: string): Promise<number[]> {
  const read = await journal.readJournal(file);
  return read === undefined ? [] : rowsOf(chunk.tableOf(read).columns);
}
