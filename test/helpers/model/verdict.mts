/** Was anything lost, doubled, mixed up or left behind? */
import assert from 'node:assert/strict';
import { FPS } from '../uploader.mts';
import { KINDS, type Kind, rowOf } from './data.mts';
import { HALF, type Quarantined, quarantined, type Slice, slicesOf } from './stored.mts';
import type { World } from './world.mts';

export async function verify(world: World): Promise<void> {
  const { sandbox, spoolDir } = world;
  const kept = await quarantined(spoolDir);
  assert.deepEqual(kept.leftOver, [], 'left in the spool');
  for (const kind of KINDS) {
    const slices = await slicesOf(world, kind);
    verifyArrived(world, kind, slices, kept);
    verifyOrder(kind, slices);
    verifyReports(world, kind, slices, kept);
  }
  assert.deepEqual(sandbox.complaints, [], 'the service complains');
}

/** Confirmed: exactly once, at the service or in quarantine. Not confirmed: at most once. */
function verifyArrived({ outcomes, happened }: World, kind: Kind, slices: Slice[], kept: Quarantined): void {
  const places = new Map<number, string[]>();
  const note = (number: number, place: string) => places.set(number, [...(places.get(number) ?? []), place]);
  for (const { dataId, isClosed, index, numbers } of slices) {
    for (const number of numbers)
      note(number, `${isClosed ? 'closed' : 'stream'} ${dataId.slice(0, 4)}/${index}`);
  }
  for (const number of kept.numbers[kind]) note(number, 'quarantine');
  for (const [number, where] of places) {
    // The other half of a row may be in quarantine.
    const isKnown = outcomes[kind][number] !== undefined || places.has(number - HALF);
    assert.ok(isKnown, `${kind}: ${number} in ${where} is not as it was pushed`);
  }
  const lost: number[] = [];
  for (const [number, outcome] of outcomes[kind].entries())
    if (outcome === 'confirmed' && !places.has(number)) lost.push(number);
  assert.deepEqual(lost, [], `${kind}: confirmed and lost`);
  for (const [number, where] of places) {
    assert.notEqual(outcomes[kind][number], 'refused', `${kind}: ${number} was refused and is in ${where}`);
    // A chunk whose answer never came goes to the continuation too, or is refused when it is sent again.
    const others = where.filter((place) => !place.startsWith('closed'));
    if (happened.has('refused chunk') && others.length > 1 && others.includes('quarantine')) others.shift();
    assert.ok(others.length <= 1, `${kind}: ${number} is in ${where.join(' and ')}`);
  }
}

/** Ascending in each stream, and one stream after the other but for what a closed one had taken already. */
function verifyOrder(kind: Kind, slices: Slice[]): void {
  const streams = new Map<string, number[]>();
  const open = new Set(slices.flatMap(({ isClosed, numbers }) => (isClosed ? [] : numbers)));
  for (const { dataId, isClosed, index, numbers, startMs } of slices) {
    assert.ok(isAscending(numbers), `${kind} ${dataId}/${index} is out of order: ${numbers}`);
    if (startMs !== undefined)
      assert.equal(startMs, 1_700_000_000_000 + ((numbers[0] as number) * 1000) / FPS, `${dataId}/${index}`);
    const own = isClosed ? numbers.filter((number) => !open.has(number)) : numbers;
    streams.set(dataId, [...(streams.get(dataId) ?? []), ...own]);
  }
  for (const [dataId, numbers] of streams) assert.ok(isAscending(numbers), `${kind} ${dataId}: ${numbers}`);
  const all = [...streams.values()].filter(({ length }) => length > 0);
  all.sort(([one = 0], [other = 0]) => one - other);
  if (slices.some(({ isClosed }) => isClosed)) return;
  assert.ok(isAscending(all.flat()), `${kind}: streams are mixed up`);
}

const isAscending = (numbers: readonly number[]): boolean =>
  numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number));

/** What the reports say is what is there; a crash may take a report with it. */
function verifyReports({ reports, happened }: World, kind: Kind, slices: Slice[], kept: Quarantined): void {
  let [items, uploaded] = [0, 0];
  for (const report of reports[kind]) {
    const { chunks_spooled, chunks_uploaded, chunks_quarantined, chunks_dropped, lost } = report;
    const text = JSON.stringify(report);
    assert.equal(chunks_spooled, chunks_uploaded + chunks_quarantined + chunks_dropped, text);
    assert.equal(lost.length, chunks_quarantined, text);
    assert.equal(chunks_dropped, 0, text);
    items += report.frames ?? report.points ?? 0;
    uploaded += chunks_uploaded;
  }
  if (happened.has('crash')) return;
  const all = [...slices.flatMap((slice) => slice.numbers), ...kept.numbers[kind]];
  const numbers = new Set(all.filter(Number.isInteger));
  const expected =
    kind === 'rheed'
      ? numbers.size
      : [...numbers].flatMap((number) => Object.values(rowOf(number))).filter((value) => value !== null)
          .length;
  assert.equal(items, expected, `${kind}: the reports' sum`);
  if (!happened.has('closed') && !happened.has('refused chunk'))
    assert.equal(uploaded, slices.length, `${kind}: chunks in the reports and at the service`);
}
