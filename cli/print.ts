/** What the commands print: lines, tables, numbers and times for people. */

const isColoured = (): boolean => process.stdout.isTTY === true && !process.env.NO_COLOR;
const COLOURS = { red: 31, green: 32, yellow: 33, bold: 1 } as const;
export type Colour = keyof typeof COLOURS;

export const WIDTH = 100;

function paint(text: string, colour: Colour | undefined): string {
  return colour === undefined || !isColoured() ? text : `\u001B[${COLOURS[colour]}m${text}\u001B[0m`;
}

/** Names and reasons come from messages and from the service: nothing in them is a terminal's command. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const plain = (text: string): string => text.replaceAll(/[\u0000-\u001F\u007F-\u009F]/g, '\uFFFD');

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/**
 * Lines no wider than the page, each after `indent`; what follows the first is indented further.
 *
 * @param colour of the first word
 */
export function printWrapped(text: string, indent: string, colour?: Colour): void {
  const lines: string[] = [];
  let line = indent;
  for (const word of plain(text).split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `${indent}    `;
    }
    line += line.trim() === '' ? word : ` ${word}`;
  }
  lines.push(line);
  for (const [n, full] of lines.entries())
    print(n === 0 ? full.replace(/\S+/, (word) => paint(word, colour)) : full);
}

export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

export interface TableColumn {
  readonly title: string;
  /** Longer texts are cut. */
  readonly max: number;
  readonly right?: boolean;
}

/** @param after called after each row */
export function printTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
  after: (row: number) => void = () => {},
): void {
  const widths = columns.map(({ title, max }, n) =>
    Math.min(max, Math.max(title.length, ...rows.map((row) => row[n]?.text.length ?? 0))),
  );
  const line = (cells: readonly Cell[]): string =>
    columns
      .map(({ right }, n) => {
        const { text = '', colour } = cells[n] ?? {};
        const width = widths[n] as number;
        const whole = plain(text);
        const cut = whole.length > width ? `${whole.slice(0, width - 1)}…` : whole;
        return paint(right ? cut.padStart(width) : cut.padEnd(width), colour);
      })
      .join('  ')
      .trimEnd();
  print(`  ${line(columns.map(({ title }) => ({ text: title })))}`);
  rows.forEach((row, n) => {
    print(`  ${line(row)}`);
    after(n);
  });
}

export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Local time to the second, as `2026-01-31 13:05:59`. */
export function timeText(unixMs: number): string {
  const time = new Date(unixMs - new Date(unixMs).getTimezoneOffset() * 60_000);
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;
