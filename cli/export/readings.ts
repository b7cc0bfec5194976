import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Table } from '../../uploader/timeseries/chunk.js';
import type { ExportChunks } from './chunks.js';
import { csvLine, isoText } from './csv.js';

/** A column of the file: values in different units are never in the same one. */
interface CsvColumn {
  readonly channel: string;
  readonly units: string | undefined;
}

/**
 * Writes readings.csv: a row a time, a column a channel; a channel without a value in a row is blank.
 *
 * @returns the number of values
 */
export async function exportCsv(chunks: ExportChunks, to: string): Promise<number> {
  const columns = await columnsOf(chunks);
  await mkdir(to, { recursive: true });
  const file = await open(join(to, 'readings.csv'), 'wx');
  let count = 0;
  try {
    const titles = columns.map(({ channel, units }) =>
      units === undefined ? channel : `${channel} [${units}]`,
    );
    await file.writeFile(csvLine(['time', 'unix', ...titles]));
    for await (const { reader, from } of chunks.rows()) {
      const rows = rowsOf(reader.table(from), columns);
      for (const { cells } of rows) count += cells.filter((cell) => cell !== '').length;
      await file.writeFile(rows.map(({ time, cells }) => csvLine([isoText(time), time, ...cells])).join(''));
    }
  } finally {
    await file.close();
  }
  return count;
}

/** Of all chunks: a channel that has units somewhere has them everywhere, unless they differ. */
async function columnsOf(chunks: ExportChunks): Promise<CsvColumn[]> {
  const channels = new Map<string, Set<string>>();
  for await (const { reader } of chunks.rows()) {
    for (const [channel, { units }] of Object.entries(reader.table().columns)) {
      const known = channels.get(channel) ?? new Set();
      channels.set(channel, known);
      if (units !== undefined) known.add(units);
    }
  }
  return [...channels].flatMap(([channel, units]) => {
    const columns: CsvColumn[] = [...units].map((unit) => ({ channel, units: unit }));
    return units.size === 1 ? columns : [{ channel, units: undefined }, ...columns];
  });
}

/** The rows of a table by time. A channel that has a time twice has two rows of it. */
function rowsOf(
  { columns }: Table,
  wanted: readonly CsvColumn[],
): { time: number; cells: (number | '')[] }[] {
  const rows = new Map<string, { time: number; nth: number; cells: (number | '')[] }>();
  for (const [channel, { timestamps, values, units }] of Object.entries(columns)) {
    const of = wanted.filter((column) => column.channel === channel);
    const at = wanted.indexOf(of.find((column) => column.units === units) ?? (of[0] as CsvColumn));
    const times = new Map<number, number>();
    timestamps.forEach((time, n) => {
      const nth = times.get(time) ?? 0;
      times.set(time, nth + 1);
      const key = `${time} ${nth}`;
      const row = rows.get(key) ?? { time, nth, cells: wanted.map(() => '' as const) };
      rows.set(key, row);
      row.cells[at] = values[n] ?? '';
    });
  }
  return [...rows.values()].sort((one, other) => one.time - other.time || one.nth - other.nth);
}
