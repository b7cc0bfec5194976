/** A line of a CSV file (RFC 4180). */
export const csvLine = (cells: readonly (string | number)[]): string =>
  `${cells.map((cell) => quoted(String(cell))).join(',')}\r\n`;

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** ISO 8601 in UTC; blank when it is not known or no date. */
export function isoText(unixSeconds: number | undefined): string {
  const time = new Date((unixSeconds ?? Number.NaN) * 1000);
  return Number.isNaN(time.getTime()) ? '' : time.toISOString();
}
