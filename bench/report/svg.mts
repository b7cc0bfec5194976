/** Plots as SVG that stand alone: readable on light and dark pages, no script, no font of their own. */

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

const [WIDTH, HEIGHT] = [640, 300];
const PLOT = { left: 64, right: 16, top: 44, bottom: 40 };
/** About what a letter takes, and a row of them. */
const [LETTER, ROW] = [6.4, 16];

/** Colours that people with any colour vision tell apart on white and on black (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#999999'];

const STYLE =
  'text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-size:14px;font-weight:600}.grid{stroke:#d0d7de}' +
  '.range{stroke:#24292f}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}.range{stroke:#e6edf3}}';

/** Lines over time, the vertical axis from 0 (or below, where values are). */
export function lines(title: string, unit: string, all: readonly Line[]): string {
  const points = all.flatMap((line) => line.points);
  const x = scale(0, Math.max(...points.map(([at]) => at)), PLOT.left, WIDTH - PLOT.right);
  const values = points.map(([, value]) => value);
  const names = legend(all.map(({ name }) => name));
  const height = HEIGHT + names.below;
  const top = PLOT.top + names.below;
  const y = scale(Math.min(0, ...values), Math.max(...values), height - PLOT.bottom, top);
  const paths = all.map(({ points: own }, i) => {
    const path = own.map(([at, value]) => `${x.at(at).toFixed(1)},${y.at(value).toFixed(1)}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${colour(i)}" stroke-width="1.8"/>`;
  });
  const seconds = x.ticks.map((tick) => text(x.at(tick), height - 20, number(tick), 'middle'));
  return page(height, title, unit, [
    ...grid(y),
    ...seconds,
    text(WIDTH - PLOT.right, height - 5, 'seconds', 'end'),
    ...paths,
    names.drawn,
  ]);
}

/** A bar a side with the range of its rounds. */
export function bars(title: string, unit: string, all: readonly Bar[]): string {
  const row = 34;
  const left = Math.max(150, ...all.map(({ name }) => name.length * LETTER + 24));
  const height = PLOT.top + row * all.length + 8;
  const x = scale(0, Math.max(...all.map(({ max }) => max)), left, WIDTH - 76);
  const rows = all.map(({ name, value, min, max }, i) => {
    const middle = PLOT.top + row * i + row / 2;
    return [
      text(left - 8, middle + 4, name, 'end'),
      `<rect x="${left}" y="${middle - 10}" width="${(x.at(value) - left).toFixed(1)}" height="20" fill="${colour(i)}"/>`,
      `<line class="range" x1="${x.at(min).toFixed(1)}" x2="${x.at(max).toFixed(1)}" y1="${middle}" y2="${middle}" stroke-width="2"/>`,
      text(x.at(max) + 8, middle + 4, number(value), 'start'),
    ].join('');
  });
  return page(height, title, unit, rows);
}

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** From whole steps of 1, 2 or 5 to the like. */
function scale(low: number, high: number, from: number, to: number): Scale {
  const span = high - low || 1;
  const raw = span / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10) * power;
  const [first, last] = [Math.floor(low / step), Math.ceil((low + span) / step)];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  const [start, end] = [first * step, last * step];
  return { ticks, at: (value) => from + ((value - start) / (end - start)) * (to - from) };
}

function grid(y: Scale): string[] {
  return y.ticks.map((tick) => {
    const at = y.at(tick).toFixed(1);
    const line = `<line class="grid" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${at}" y2="${at}"/>`;
    return line + text(PLOT.left - 8, y.at(tick) + 4, number(tick), 'end');
  });
}

/** Names in as many rows as they need, each ending with the plot; `below`: what the further rows take. */
function legend(names: readonly string[]): { drawn: string; below: number } {
  const rows: { i: number; name: string }[][] = [[]];
  const room = WIDTH - 16 - PLOT.right;
  let left = room;
  for (const [i, name] of names.entries()) {
    if (widthOf(name) > left && i > 0) {
      rows.push([]);
      left = room;
    }
    rows.at(-1)?.push({ i, name });
    left -= widthOf(name);
  }
  const drawn = rows.flatMap((row, n) => {
    let x = WIDTH - PLOT.right - row.reduce((sum, { name }) => sum + widthOf(name), 0);
    return row.map(({ i, name }) => {
      const at = x;
      x += widthOf(name);
      const y = 29 + n * ROW;
      return `<rect x="${at.toFixed(1)}" y="${y}" width="12" height="4" fill="${colour(i)}"/>${text(at + 17, y + 6, name, 'start')}`;
    });
  });
  return { drawn: drawn.join(''), below: (rows.length - 1) * ROW };
}

const widthOf = (name: string): number => name.length * LETTER + 26;

function page(height: number, title: string, unit: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title><style>${STYLE}</style>`,
    `<text class="title" x="16" y="20">${escaped(`${title}, ${unit}`)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

const colour = (i: number): string => COLOURS[i % COLOURS.length] as string;

const text = (x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(words)}</text>`;

const escaped = (words: string): string =>
  words.replace(/[&<>]/g, (mark) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[mark] as string);

/** As few digits as tell ticks apart: 1,200 or 0.05. */
function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 3;
  return Number(value.toFixed(digits)).toLocaleString('en-US', { maximumFractionDigits: 3 });
}
