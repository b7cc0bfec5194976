/** Whether a chunk's files are what they were. */
export interface ChunkCheck {
  /** `torn`: an open chunk whose last records were under way when its process ended; recovery cuts them off. */
  readonly verdict: 'whole' | 'torn' | 'damaged';
  /** Frames, or records of a journal, that hold. */
  readonly held: number;
  /** How many of them stand before the first that does not hold: what recovery keeps of an open chunk. */
  readonly before: number;
  /** All that does not hold is half of a last record: its writing was never confirmed. */
  readonly isUnconfirmed?: true;
  /** What does not hold and where; blank when all does. */
  readonly detail: string;
}

/**
 * @param what the parts are
 * @param holding whether each part holds
 * @param faults of the files beside the parts
 * @param mayTear the end may be missing: nothing that holds follows the first part that does not
 * @param tornBytes bytes behind the last part
 */
export function checkOfParts(
  what: string,
  holding: readonly boolean[],
  faults: readonly string[],
  mayTear: boolean,
  tornBytes: number,
): ChunkCheck {
  const held = holding.filter(Boolean).length;
  const firstBad = holding.indexOf(false);
  const before = firstBad < 0 ? held : firstBad;
  const end = mayTear ? holding.lastIndexOf(true) + 1 : holding.length;
  const bad = [...holding.keys()].filter((n) => n < end && !holding[n]);
  const details = [...faults];
  if (bad.length > 0) details.push(`${what}s ${runsOf(bad)} do not hold`);
  if (!mayTear && tornBytes > 0) details.push(`${tornBytes} bytes behind the last ${what} do not hold`);
  if (details.length > 0) return { verdict: 'damaged', held, before, detail: details.join('; ') };
  const torn = holding.length - end;
  if (torn === 0 && tornBytes === 0) return { verdict: 'whole', held, before, detail: '' };
  if (torn === 0)
    return { verdict: 'torn', held, before, isUnconfirmed: true, detail: `torn tail of ${tornBytes} bytes` };
  return { verdict: 'torn', held, before, detail: `torn tail of ${torn} ${torn === 1 ? what : `${what}s`}` };
}

/** Numbers in words: `3, 5–9`. */
export function runsOf(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}
