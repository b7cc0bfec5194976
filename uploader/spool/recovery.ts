import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SpoolError } from '../errors.js';
import { coded, native } from '../native.js';
import { readSidecar, type Sidecar } from './entry.js';
import { numbered, removeIfThere } from './files.js';
import { keepDamaged } from './keep-damaged.js';
import type { KeptChunks } from './kept.js';
import { Quarantine } from './quarantine.js';
import { dataEnding, soundSidecars } from './sealed-chunks.js';
import type { RecordFile } from './stream-record.js';

const ENDINGS = ['part', 'open', 'json', 'shard', 'rows'];
const CHUNK_FILE = new RegExp(`^(\\d{6,})\\.(${ENDINGS.join('|')})(\\.tmp)?$`);

/** What a stream's folder holds after its process ended, in whatever way. */
export interface Recovered {
  readonly sidecars: Sidecar[];
  readonly problems: SpoolError[];
  /** Open RHEED chunks that a full disk does not let be sealed yet. */
  readonly unsealed: number[];
  readonly quarantine: Quarantine;
  /** The open timeseries chunk, which goes on. */
  readonly openNumber: number | undefined;
}

/**
 * Brings a stream's folder into order: delivered chunks go, sealed ones are listed, an open RHEED chunk is cut
 * at its first record that does not hold and sealed; what cannot be read moves to the quarantine and is counted.
 */
export async function recoverFolder(record: RecordFile, kept?: KeptChunks): Promise<Recovered> {
  const { folder, data } = record;
  const files = await chunkFiles(folder);
  const quarantine = await Quarantine.load(folder);
  const sidecars: Sidecar[] = [];
  const problems: SpoolError[] = [];
  const unsealed: number[] = [];
  let openNumber: number | undefined;
  if (record.damage !== undefined) {
    await record.repair();
    problems.push(record.damage);
  }
  const sound = await soundSidecars(folder, data.kind, plainlySealed(record, files));
  for (const { number } of quarantine.chunks) data.next_number = Math.max(data.next_number, number + 1);
  for (const [number, endings] of files) {
    data.next_number = Math.max(data.next_number, number + 1);
    if (data.acknowledged.includes(number)) {
      const paths = [...endings].map((ending) => numbered(folder, number, ending));
      if (kept === undefined || kept.days === 0) await Promise.all(paths.map(removeIfThere));
      else await kept.keep(folder, paths);
    } else if (data.kind === 'timeseries' && endings.has('open') && !endings.has('rows')) {
      openNumber = number;
      const damage = await keepDamaged(record, quarantine, number);
      if (damage !== undefined) problems.push(cutShort(record, number, damage));
    } else if (sound.has(number)) {
      sidecars.push(sound.get(number) as Sidecar);
    } else {
      try {
        const { sidecar, problem } = await recoverNumber(record, quarantine, number);
        if (sidecar !== undefined) sidecars.push(sidecar);
        if (problem !== undefined) problems.push(problem);
      } catch (error) {
        if (!isFull(error)) throw error;
        unsealed.push(number);
      }
    }
  }
  const forgotten = record.update((changed) => {
    changed.acknowledged = [];
    delete changed.left;
  });
  // Their files are gone: on a full disk, where the chunks below are to make room, the record may name them longer.
  await forgotten.catch((error: unknown) => {
    if (!isFull(error)) throw error;
  });
  return { sidecars, problems, unsealed, quarantine, openNumber };
}

/** Numbers of which there is what a sealed chunk consists of, and nothing else. */
function plainlySealed({ data }: RecordFile, files: ReadonlyMap<number, ReadonlySet<string>>): number[] {
  const isSealed = (endings: ReadonlySet<string>) =>
    endings.size === 2 && endings.has('json') && endings.has(dataEnding(data.kind));
  const acknowledged = new Set(data.acknowledged);
  return [...files.keys()].filter(
    (number) => !acknowledged.has(number) && isSealed(files.get(number) as ReadonlySet<string>),
  );
}

/** Moves whatever there is of a chunk to the quarantine and says why. */
export async function quarantineNumber(
  { folder }: RecordFile,
  quarantine: Quarantine,
  number: number,
  reason: string,
): Promise<SpoolError> {
  const paths = ENDINGS.map((ending) => numbered(folder, number, ending)).filter(existsSync);
  const chunk_index = (await readSidecar(folder, number))?.chunk_index ?? number;
  await quarantine.add(number, paths, { reason, code: 'ERR_SPOOL', at: Date.now(), chunk_index });
  return new SpoolError(
    'ERR_SPOOL',
    quarantine.path,
    `chunk ${number} of ${folder}: ${reason}; moved to quarantine`,
  );
}

/** True when there are files of chunks, sealed or open. */
export async function holdsChunks(folder: string): Promise<boolean> {
  return (await chunkFiles(folder)).size > 0;
}

async function chunkFiles(folder: string): Promise<Map<number, Set<string>>> {
  const files = new Map<number, Set<string>>();
  for (const name of await readdir(folder)) {
    const [, digits, ending, aside] = CHUNK_FILE.exec(name) ?? [];
    if (digits === undefined || ending === undefined) continue;
    if (aside !== undefined) {
      // A write that was never finished by its rename: the old file still stands.
      await removeIfThere(join(folder, name));
      continue;
    }
    const number = Number(digits);
    files.set(number, (files.get(number) ?? new Set()).add(ending));
  }
  return new Map([...files].sort(([one], [other]) => one - other));
}

/**
 * Brings one chunk's files into order: an open RHEED chunk is cut and sealed, what does not hold goes to the
 * quarantine.
 */
export async function recoverNumber(
  record: RecordFile,
  quarantine: Quarantine,
  number: number,
): Promise<{ sidecar?: Sidecar; problem?: SpoolError }> {
  const { folder, data } = record;
  const file = (ending: string) => numbered(folder, number, ending);
  const aside = async (reason: string) => ({
    problem: await quarantineNumber(record, quarantine, number, reason),
  });
  let problem: SpoolError | undefined;
  if (
    data.kind === 'rheed' &&
    !existsSync(file('shard')) &&
    (existsSync(file('part')) || existsSync(file('open')))
  ) {
    const damage = await keepDamaged(record, quarantine, number);
    const { sealed, damaged } = await coded(folder, () =>
      native().recoverChunk(folder, number, Number(data.settings.fps)),
    );
    if (sealed == null) return damaged == null ? {} : aside(damaged);
    if (damage !== undefined) problem = cutShort(record, number, damage);
  }
  const sidecar = await readSidecar(folder, number);
  if (sidecar === undefined) return aside('its sidecar is missing or damaged');
  const size = (await stat(file(dataEnding(data.kind))).catch(() => undefined))?.size;
  if (size !== sidecar.bytes) return aside(`expected ${sidecar.bytes} bytes, found ${size ?? 'no file'}`);
  await removeIfThere(file('open'));
  return { sidecar, ...(problem === undefined ? {} : { problem }) };
}

const isFull = (error: unknown): boolean => error instanceof SpoolError && error.code === 'ERR_SPOOL_FULL';

/** What is told of an open chunk that was cut. */
function cutShort({ folder }: RecordFile, number: number, detail: string): SpoolError {
  return new SpoolError(
    'ERR_SPOOL',
    folder,
    `chunk ${number} of ${folder}: ${detail}; what holds before is delivered, and all of it as it was found is in quarantine`,
  );
}
