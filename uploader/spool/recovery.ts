import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SpoolError } from '../errors.js';
import { coded, native } from '../native.js';
import { readSidecar, type Sidecar } from './entry.js';
import { numbered, removeIfThere } from './files.js';
import { quarantine } from './quarantine.js';
import type { RecordFile } from './stream-record.js';

const CHUNK_FILE = /^(\d{6,})\.(part|open|json|shard|rows)(\.tmp)?$/;

/** What a stream's folder holds after its process ended, in whatever way. */
export interface Recovered {
  readonly sidecars: Sidecar[];
  readonly problems: SpoolError[];
  /** Open RHEED chunks that a full disk does not let be sealed yet. */
  readonly unsealed: number[];
  /** The open timeseries chunk, which goes on. */
  readonly openNumber: number | undefined;
}

/**
 * Brings a stream's folder into order: delivered chunks go, sealed ones are listed, an open RHEED chunk is cut
 * at its first record that does not hold and sealed; what cannot be read moves to the quarantine and is counted.
 */
export async function recoverFolder(record: RecordFile): Promise<Recovered> {
  const { folder, data } = record;
  const files = await chunkFiles(folder);
  const found: {
    sidecars: Sidecar[];
    problems: SpoolError[];
    unsealed: number[];
    openNumber: number | undefined;
  } = { sidecars: [], problems: [], unsealed: [], openNumber: undefined };
  for (const [number, endings] of files) {
    data.next_number = Math.max(data.next_number, number + 1);
    if (data.acknowledged.includes(number)) {
      for (const ending of endings) await removeIfThere(numbered(folder, number, ending));
    } else if (data.kind === 'timeseries' && endings.has('open') && !endings.has('rows')) {
      found.openNumber = number;
    } else {
      try {
        const sidecar = await recoverOne(record, number, endings, found.problems);
        if (sidecar !== undefined) found.sidecars.push(sidecar);
      } catch (error) {
        if (!isFull(error)) throw error;
        found.unsealed.push(number);
      }
    }
  }
  const forgotten = record.update((changed) => {
    changed.acknowledged = [];
  });
  // Their files are gone: on a full disk, where the chunks below are to make room, the record may name them longer.
  await forgotten.catch((error: unknown) => {
    if (!isFull(error)) throw error;
  });
  return found;
}

/**
 * Seals an open RHEED chunk that `recoverFolder` had to leave as it was.
 *
 * @returns undefined when nothing of it could be read: it is in quarantine then, and among `problems`
 * @throws SpoolError ERR_SPOOL_FULL when there still is no room
 */
export async function sealLater(
  record: RecordFile,
  number: number,
  problems: SpoolError[],
): Promise<Sidecar | undefined> {
  const endings = (await chunkFiles(record.folder)).get(number) ?? new Set<string>();
  return recoverOne(record, number, endings, problems);
}

const isFull = (error: unknown): boolean => error instanceof SpoolError && error.code === 'ERR_SPOOL_FULL';

/** Counts a chunk as lost to the quarantine and says why. */
export async function quarantineNumber(
  record: RecordFile,
  number: number,
  reason: string,
): Promise<SpoolError> {
  const { folder } = record;
  const endings = (await chunkFiles(folder)).get(number) ?? new Set<string>();
  const paths = [...endings].map((ending) => numbered(folder, number, ending));
  const name = String(number).padStart(6, '0');
  await quarantine(folder, paths, name, { reason, at: Date.now(), chunk_index: number });
  await record.update((data) => {
    data.counts.quarantined += 1;
    data.lost.push([number, reason]);
  });
  return new SpoolError(
    'ERR_SPOOL',
    join(folder, 'quarantine'),
    `chunk ${number} of ${folder}: ${reason}; moved to quarantine`,
  );
}

async function chunkFiles(folder: string): Promise<Map<number, Set<string>>> {
  const files = new Map<number, Set<string>>();
  for (const name of (await readdir(folder)).sort()) {
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

async function recoverOne(
  record: RecordFile,
  number: number,
  endings: ReadonlySet<string>,
  problems: SpoolError[],
): Promise<Sidecar | undefined> {
  const { folder, data } = record;
  const isSealed = endings.has(data.kind === 'rheed' ? 'shard' : 'rows');
  if (!isSealed && data.kind === 'rheed' && (endings.has('part') || endings.has('open'))) {
    const { sealed, damaged } = await coded(folder, () =>
      native().recoverChunk(folder, number, Number(data.settings.fps)),
    );
    if (damaged != null) {
      problems.push(
        sealed == null
          ? await quarantineNumber(record, number, damaged)
          : new SpoolError(
              'ERR_SPOOL',
              folder,
              `chunk ${number} of ${folder}: ${damaged}; its ${sealed.frames} whole frames are kept`,
            ),
      );
    }
    if (sealed == null) return undefined;
  }
  const sidecar = await readSidecar(folder, number);
  if (sidecar === undefined) {
    problems.push(await quarantineNumber(record, number, 'its sidecar is missing or damaged'));
    return undefined;
  }
  const path = numbered(folder, number, sidecar.kind === 'rheed' ? 'shard' : 'rows');
  const size = (await stat(path).catch(() => undefined))?.size;
  if (size !== sidecar.bytes) {
    problems.push(
      await quarantineNumber(record, number, `expected ${sidecar.bytes} bytes, found ${size ?? 'no file'}`),
    );
    return undefined;
  }
  await removeIfThere(numbered(folder, number, 'open'));
  return sidecar;
}
