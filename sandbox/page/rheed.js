/** A RHEED stream: live frame with a movable spot, counters, intensity over time. */
import { ago, count, el, post, setText, size } from './dom.js';
import { Player } from './player.js';
import { TimePlot } from './plot.js';

const WINDOWS = [
  [30, '30 s'],
  [120, '2 min'],
  [600, '10 min'],
];

export class RheedView {
  #url;
  #summary;
  #player;
  #spot;
  #mean;
  #window = 30;
  #drawn = -1;
  #drawing = false;
  #screen;
  #box;
  #values = {};
  #buttons;

  constructor(place, summary) {
    this.#summary = summary;
    this.#url = `/sandbox/streams/${summary.data_id}`;
    const canvas = el('canvas', { width: 500, height: 300, 'aria-label': 'Current frame' });
    this.#box = el('div', { class: 'roi', hidden: true });
    this.#screen = el('div', { class: 'screen', title: 'Drag to choose the spot' }, canvas, this.#box);
    this.#player = new Player(canvas, this.#url, summary.fps);
    this.#buttons = WINDOWS.map(([seconds, label]) =>
      el('button', { type: 'button', onclick: () => this.#choose(seconds) }, label),
    );
    const charts = [el('div', { class: 'plot' }), el('div', { class: 'plot' })];
    place.append(
      el('div', { class: 'view' }, this.#screen, this.#facts()),
      el(
        'div',
        { class: 'plot-head' },
        el('h2', {}, 'Mean intensity (0–255)'),
        el('span', { class: 'key', style: 'color: var(--spot)' }, 'spot; drag on the picture to move it'),
        el('span', { class: 'key', style: 'color: var(--accent)' }, 'whole frame'),
        el('span', { class: 'windows' }, ...this.#buttons),
      ),
      ...charts,
    );
    this.#spot = new TimePlot(charts[0], { colour: 'spot', height: 105, clock: false });
    this.#mean = new TimePlot(charts[1], { colour: 'accent', height: 130 });
    this.#enableDrag(canvas);
    this.#choose(this.#window);
  }

  update(summary, now) {
    this.#summary = summary;
    const set = (name, text) => setText(this.#values[name], text);
    set('frames', count(summary.frames));
    set('chunks', count(summary.chunk_count));
    set('declared', `${summary.fps} fps`);
    set('rate', summary.rate > 0 ? `${summary.rate.toFixed(1)} fps` : '–');
    set('size', summary.width ? `${summary.width} × ${summary.height}` : '–');
    set('chunk_size', summary.chunk_size ? `${summary.chunk_size} frames` : '–');
    set('rotation', summary.rotations_per_min ? `${summary.rotations_per_min} rpm` : 'parked');
    set('azimuth', summary.azimuth ?? '–');
    set('bytes', size(summary.bytes));
    set('last', summary.last_data_at ? ago(now - summary.last_data_at) : 'none yet');
    this.#player.show(summary.latest_chunk);
    if (!this.#drawing) this.#placeBox(summary.roi);
    this.#redraw();
  }

  destroy() {
    this.#player.stop();
    this.#spot.destroy();
    this.#mean.destroy();
  }

  #facts() {
    const fact = (name, label) => {
      this.#values[name] = el('dd');
      return el('div', {}, el('dt', {}, label), this.#values[name]);
    };
    return el(
      'dl',
      { class: 'facts' },
      fact('frames', 'Frames'),
      fact('chunks', 'Chunks'),
      fact('declared', 'Declared'),
      fact('rate', 'Arriving'),
      fact('size', 'Frame size'),
      fact('chunk_size', 'Chunk size'),
      fact('rotation', 'Rotation'),
      fact('azimuth', 'Azimuth'),
      fact('bytes', 'Received'),
      fact('last', 'Last chunk'),
    );
  }

  #choose(seconds) {
    this.#window = seconds;
    this.#drawn = -1;
    this.#buttons.forEach((button, at) => {
      button.setAttribute('aria-pressed', String(WINDOWS[at][0] === seconds));
    });
    this.#redraw();
  }

  /** Fetches the intensity once a revision. */
  async #redraw() {
    const { revision, chunk_size, fps, latest_chunk } = this.#summary;
    if (revision === this.#drawn || !chunk_size) return;
    const former = this.#drawn;
    this.#drawn = revision;
    try {
      const from = Math.max(0, latest_chunk - Math.ceil((this.#window * fps) / chunk_size) + 1);
      const { time_ms, mean, spot } = await (await fetch(`${this.#url}/intensity?from=${from}`)).json();
      const times = time_ms.map((ms) => ms / 1000);
      const missing = mean.flatMap((value, at) => (value === null ? [[times[at - 1], times[at + 1]]] : []));
      this.#spot.set(times, spot, missing);
      this.#mean.set(times, mean, missing);
    } catch {
      // Gone: asked again at the next event.
      this.#drawn = former;
    }
  }

  /** The spot's frame over the picture; positions in percent follow the picture's size. */
  #placeBox(roi) {
    const { width, height } = this.#summary;
    this.#box.hidden = !roi || !width;
    if (this.#box.hidden) return;
    Object.assign(this.#box.style, {
      left: `${(roi.x / width) * 100}%`,
      top: `${(roi.y / height) * 100}%`,
      width: `${(roi.width / width) * 100}%`,
      height: `${(roi.height / height) * 100}%`,
    });
  }

  #enableDrag(canvas) {
    let start = null;
    const at = (event) => {
      const area = canvas.getBoundingClientRect();
      const { width, height } = this.#summary;
      return {
        x: Math.min(Math.max(0, ((event.clientX - area.left) / area.width) * width), width),
        y: Math.min(Math.max(0, ((event.clientY - area.top) / area.height) * height), height),
      };
    };
    const between = (a, b) => ({
      x: Math.round(Math.min(a.x, b.x)),
      y: Math.round(Math.min(a.y, b.y)),
      width: Math.max(1, Math.round(Math.abs(a.x - b.x))),
      height: Math.max(1, Math.round(Math.abs(a.y - b.y))),
    });
    canvas.addEventListener('pointerdown', (event) => {
      if (!this.#summary.width) return;
      canvas.setPointerCapture(event.pointerId);
      start = at(event);
      this.#drawing = true;
    });
    canvas.addEventListener('pointermove', (event) => {
      if (start) this.#placeBox(between(start, at(event)));
    });
    canvas.addEventListener('pointerup', async (event) => {
      if (!start) return;
      const roi = between(start, at(event));
      start = null;
      // A click is no region.
      if (roi.width > 2 && roi.height > 2) await post(`${this.#url}/roi`, roi).catch(() => undefined);
      this.#drawing = false;
    });
    canvas.addEventListener('pointercancel', () => {
      start = null;
      this.#drawing = false;
    });
  }
}
