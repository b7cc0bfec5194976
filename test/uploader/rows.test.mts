import assert from 'node:assert/strict';
import fc from 'fast-check';
import rowsModule from '../../dist/uploader/timeseries/rows.js';

const { Rows } = rowsModule;
type Reading = { channel: string; time: number; value: number | null; onArrival?: boolean };
const WINDOW = 0.1;

/** Puts readings as the open chunk does; returns the channels at whose reading another chunk had to begin. */
function fill(rows: InstanceType<typeof Rows>, readings: Reading[]): string[] {
  const refused: string[] = [];
  for (const { onArrival = false, ...reading } of readings) {
    const placed = { ...reading, onArrival };
    const place = rows.place(placed, WINDOW);
    if (place === null) refused.push(reading.channel);
    else rows.put(placed, place.row);
  }
  return refused;
}

describe('rows of a chunk', () => {
  it('share equal timestamps', () => {
    const rows = new Rows('gap');
    fill(rows, [
      { channel: 'temperature', time: 1, value: 20 },
      { channel: 'pressure', time: 1, value: 1e-9 },
    ]);
    assert.equal(rows.rows.length, 1);
  });

  it('share the arrival of different channels within the window, not beyond it', () => {
    const rows = new Rows('gap');
    fill(rows, [
      { channel: 'a', time: 1, value: 1, onArrival: true },
      { channel: 'b', time: 1.1, value: 2, onArrival: true },
      { channel: 'c', time: 1.2, value: 3, onArrival: true },
    ]);
    assert.deepEqual(
      rows.rows.map(({ time, cells }) => [time, [...cells.keys()]]),
      [
        [1, ['a', 'b']],
        [1.2, ['c']],
      ],
    );
  });

  it("never merge a channel's next reading away, not even with the same timestamp", () => {
    const rows = new Rows('gap');
    fill(rows, [
      { channel: 'a', time: 1, value: 1 },
      { channel: 'a', time: 1, value: 2 },
    ]);
    assert.deepEqual(rows.columns(new Map()).a?.values, [1, 2]);
  });

  it('are sorted by time, a late reading has its own', () => {
    const rows = new Rows('gap');
    fill(rows, [
      { channel: 'a', time: 3, value: 3 },
      { channel: 'a', time: 1, value: 1 },
      { channel: 'a', time: 2, value: 2 },
    ]);
    assert.deepEqual(rows.columns(new Map([['a', 'C']])).a, {
      timestamps: [1, 2, 3],
      values: [1, 2, 3],
      units: 'C',
    });
  });

  it('with hold repeat the last reading by time, carried over from the chunk before', () => {
    const rows = new Rows('hold', new Map([['pressure', [0, 5] as const]]));
    fill(rows, [
      { channel: 'pressure', time: 3, value: 7 },
      { channel: 'pressure', time: 1, value: 6 },
    ]);
    assert.deepEqual(rows.columns(new Map()).pressure?.values, [6, 7]);
    const next = new Rows('hold', rows.held());
    fill(next, [{ channel: 'pressure', time: 4, value: 8 }]);
    assert.deepEqual([...rows.held()], [['pressure', [3, 7]]]);
  });

  it('with hold begin another chunk when a channel appears or ends', () => {
    const rows = new Rows('hold');
    const appeared = fill(rows, [
      { channel: 'a', time: 1, value: 1 },
      { channel: 'a', time: 2, value: 2 },
      { channel: 'b', time: 2, value: 2 },
    ]);
    assert.deepEqual(appeared, ['b']);
    assert.deepEqual(fill(rows, [{ channel: 'a', time: 3, value: null }]), ['a']);
  });

  it('with hold let a channel join the first row', () => {
    const rows = new Rows('hold');
    assert.deepEqual(
      fill(rows, [
        { channel: 'a', time: 1, value: 1, onArrival: true },
        { channel: 'b', time: 1.05, value: 2, onArrival: true },
      ]),
      [],
    );
    assert.deepEqual(Object.keys(rows.columns(new Map())), ['a', 'b']);
  });

  it('with gap leave null where nothing was read, and the set of channels may grow', () => {
    const rows = new Rows('gap');
    fill(rows, [
      { channel: 'a', time: 1, value: 1 },
      { channel: 'b', time: 2, value: 2 },
    ]);
    const { a, b } = rows.columns(new Map());
    assert.deepEqual(
      [a?.values, b?.values],
      [
        [1, null],
        [null, 2],
      ],
    );
  });

  it('keep every reading at its own time in its own channel, on one axis', () => {
    const reading = fc.record({
      channel: fc.constantFrom('a', 'b', 'c'),
      time: fc.integer({ min: 0, max: 50 }).map((tick) => tick / 10),
      value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    });
    fc.assert(
      fc.property(
        fc.array(reading, { maxLength: 60 }),
        fc.constantFrom('hold' as const, 'gap' as const),
        (readings, mode) => {
          const chunks = [new Rows(mode)];
          for (const one of readings) {
            const placed = { ...one, onArrival: false };
            let rows = chunks.at(-1) as InstanceType<typeof Rows>;
            let place = rows.place(placed, WINDOW);
            if (place === null) {
              rows = new Rows(mode, rows.held());
              chunks.push(rows);
              place = { row: 0 };
            }
            rows.put(placed, place.row);
          }
          const sent = chunks.flatMap((rows) => {
            const columns = Object.entries(rows.columns(new Map()));
            for (const [, column] of columns) assert.deepEqual(column.timestamps, columns[0]?.[1].timestamps);
            return columns.flatMap(([channel, { timestamps, values }]) =>
              timestamps.map((time, row) => JSON.stringify([channel, time, values[row]])),
            );
          });
          const left = [...sent];
          for (const { channel, time, value } of readings) {
            const at = left.indexOf(JSON.stringify([channel, time, value]));
            assert.notEqual(at, -1, `${channel} at ${time}`);
            left.splice(at, 1);
          }
        },
      ),
    );
  });
});
