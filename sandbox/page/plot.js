/** Time plots (uPlot) in the page's colours, as wide as their place. */
import uPlot from '/vendor/uplot/uPlot.esm.js';

const dark = matchMedia('(prefers-color-scheme: dark)');

/** A plot of one series over Unix seconds. */
export class TimePlot {
  #place;
  #options;
  #plot;
  #data;
  #missing = [];
  #resized;
  #recoloured = () => this.#draw();

  /** `colour` is the name of a CSS variable; `clock: false` leaves the time axis away. */
  constructor(place, { colour, height, clock = true }) {
    this.#place = place;
    this.#options = { colour, height, clock };
    this.#data = [[], []];
    this.#resized = new ResizeObserver(() => {
      if (place.clientWidth > 0) this.#plot.setSize({ width: place.clientWidth, height });
    });
    dark.addEventListener('change', this.#recoloured);
    this.#draw();
    this.#resized.observe(place);
  }

  /** Values with their times, and [from, to] spans shaded as missing. */
  set(times, values, missing = []) {
    this.#data = [times, values];
    this.#missing = missing;
    this.#plot.setData(this.#data);
  }

  destroy() {
    this.#resized.disconnect();
    dark.removeEventListener('change', this.#recoloured);
    this.#plot.destroy();
  }

  #draw() {
    this.#plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const line = { stroke: colour('grid'), width: 1 };
    const axis = { stroke: colour('muted'), grid: line, ticks: line };
    const options = {
      width: Math.max(this.#place.clientWidth, 100),
      height: this.#options.height,
      legend: { show: false },
      cursor: { drag: { x: true, y: false }, points: { show: false } },
      scales: { y: { range: padded } },
      hooks: { drawClear: [(plot) => this.#shade(plot, colour('bad'))] },
      axes: [
        this.#options.clock ? { ...axis, space: 80, values: CLOCK } : { ...axis, size: 6, values: () => [] },
        { ...axis, size: 62, values: (_plot, ticks) => ticks.map(short) },
      ],
      series: [{}, { stroke: colour(this.#options.colour), width: 1.5, points: { show: false } }],
    };
    this.#plot = new uPlot(options, this.#data, this.#place);
  }

  #shade(plot, red) {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.fillStyle = red;
    ctx.globalAlpha = 0.18;
    for (const [from, to] of this.#missing) {
      const start = plot.valToPos(from, 'x', true);
      ctx.fillRect(start, top, Math.max(plot.valToPos(to, 'x', true) - start, 2), height);
    }
    ctx.restore();
  }
}

/** Never flat: a constant series gets room around it. */
function padded(_plot, min, max) {
  if (min === null || max === null) return [0, 1];
  const room = (max - min) * 0.08 || Math.abs(max) * 0.02 || 1;
  return [min - room, max + room];
}

function short(value) {
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e5)) return value.toExponential(1);
  return String(Number(value.toPrecision(6)));
}

/** Hours, minutes and seconds on the 24-hour clock; the date under the first tick of a day. */
const DAY = '\n{YYYY}-{MM}-{DD}';
const CLOCK = [
  [86400, '{YYYY}-{MM}-{DD}', null, null, null, null, null, null, 1],
  [3600, '{HH}:{mm}', DAY, null, DAY, null, null, null, 1],
  [60, '{HH}:{mm}', DAY, null, DAY, null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', DAY, null, DAY, null, null, null, 1],
  [0.001, '{HH}:{mm}:{ss}.{fff}', DAY, null, DAY, null, null, null, 1],
];
