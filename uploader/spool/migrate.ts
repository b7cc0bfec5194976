import { Quarantine } from './quarantine.js';

interface Version1 {
  readonly version: 1;
  readonly counts: { readonly quarantined: number; readonly items: number };
  readonly lost: readonly (readonly [chunkIndex: number, reason: string])[];
}

/**
 * A record of an older format in the words of the present one; a present one as it is.
 *
 * Version 1 counted what is in quarantine in the record and listed each lost chunk.
 */
export async function migrated(folder: string, data: unknown): Promise<unknown> {
  if ((data as Partial<Version1> | undefined)?.version !== 1) return data;
  const { counts, lost, ...rest } = data as Version1;
  const { quarantined: _, ...kept } = counts;
  const { items } = await Quarantine.load(folder);
  return {
    ...rest,
    version: 2,
    trouble: null,
    counts: { ...kept, items: counts.items - items },
    lost: lost
      .filter(([, reason]) => reason.startsWith('dropped'))
      .map(([index, reason]) => [index, index, reason]),
  };
}
