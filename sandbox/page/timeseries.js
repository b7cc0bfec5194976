/** A timeseries stream: counters and one plot a channel. */
import { ago, count, el, reading, setText } from './dom.js';
import { TimePlot } from './plot.js';

/** Rows fetched for the plots, about. */
const ROWS = 5000;

export class TimeseriesView {
  #url;
  #drawn = -1;
  #channels = new Map();
  #values = {};
  #place = el('div', { class: 'channels' });

  constructor(place, summary) {
    this.#url = `/sandbox/streams/${summary.data_id}`;
    const fact = (name, label) => {
      this.#values[name] = el('dd');
      return el('div', {}, el('dt', {}, label), this.#values[name]);
    };
    place.append(
      el(
        'dl',
        { class: 'facts' },
        fact('points', 'Points'),
        fact('chunks', 'Chunks'),
        fact('channels', 'Channels'),
        fact('per_chunk', 'Rows a chunk'),
        fact('rate', 'Arriving'),
        fact('source', 'Instrument'),
        fact('last', 'Last data'),
      ),
      this.#place,
    );
  }

  update(summary, now, seed) {
    const set = (name, text) => setText(this.#values[name], text);
    const instrument = seed.instruments.find((one) => one.synth_source_id === summary.synth_source_id);
    set('points', count(summary.points));
    set('chunks', count(summary.chunk_count));
    set('channels', String(summary.channels.length));
    set('per_chunk', String(summary.points_per_chunk));
    set('rate', summary.rate > 0 ? `${summary.rate.toFixed(1)} rows/s` : '–');
    set('source', instrument?.name ?? '–');
    set('last', summary.last_data_at ? ago(now - summary.last_data_at) : 'none yet');
    for (const channel of summary.channels) {
      const shown = this.#channels.get(channel.name) ?? this.#add(channel.name);
      setText(shown.value, `${reading(channel.last_value)}${channel.units ? ` ${channel.units}` : ''}`);
    }
    this.#redraw(summary);
  }

  destroy() {
    for (const { plot } of this.#channels.values()) plot.destroy();
  }

  #add(name) {
    const value = el('span', { class: 'value' });
    const chart = el('div', { class: 'plot' });
    this.#place.append(
      el('section', {}, el('div', { class: 'plot-head' }, el('h2', {}, name), value), chart),
    );
    const plot = new TimePlot(chart, { colour: 'accent', height: 150 });
    const shown = { value, plot };
    this.#channels.set(name, shown);
    return shown;
  }

  async #redraw({ revision, points_per_chunk, missing }) {
    if (revision === this.#drawn) return;
    const former = this.#drawn;
    this.#drawn = revision;
    try {
      const chunks = Math.ceil(ROWS / points_per_chunk);
      const points = await (await fetch(`${this.#url}/points?chunks=${chunks}`)).json();
      for (const [name, { plot }] of this.#channels) {
        const { chunks = [], timestamps = [], values = [] } = points[name] ?? {};
        const isAbsent = (index) => missing.some(([first, last]) => index >= first && index <= last);
        const gaps = timestamps.flatMap((time, at) =>
          at > 0 && chunks[at] > chunks[at - 1] && isAbsent(chunks[at] - 1)
            ? [[timestamps[at - 1], time]]
            : [],
        );
        plot.set(...sorted(timestamps, values), gaps);
      }
    } catch {
      // Gone: asked again at the next event.
      this.#drawn = former;
    }
  }
}

/** uPlot wants rising times; single channels may have been sent in any order. */
function sorted(times, values) {
  if (times.every((time, at) => at === 0 || time >= times[at - 1])) return [times, values];
  const order = times.map((_, at) => at).sort((a, b) => times[a] - times[b]);
  return [order.map((at) => times[at]), order.map((at) => values[at])];
}
