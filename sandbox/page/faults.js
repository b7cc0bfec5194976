/** The row of fault switches. */
import { el, post, setText } from './dom.js';

const SWITCHES = [
  ['down', 'Down', 'Every connection is dropped at once'],
  ['slow', 'Slow', 'Every answer comes 3 s late', { delayMs: 3000 }],
  ['hold', 'Hold', 'Requests wait until this is switched off'],
  ['401', '401 key', 'The API key is refused'],
  ['403', '403 forbidden', 'Every call with a key is forbidden'],
  ['429', '429 too many', 'Too many requests, try again in 2 s', { retryAfter: 2 }],
  ['500', '500 error', 'Internal server error'],
  ['503', '503 busy', 'Service unavailable'],
  ['reset-before', 'Reset', 'The connection breaks before anything has happened'],
  ['reset-after', 'Answer lost', 'The connection breaks after it has happened'],
  ['expired', 'URLs expired', 'Presigned URLs are answered as expired'],
  ['s3RequestTimeout', 'Upload timeout', 'Presigned uploads are answered with RequestTimeout'],
];

export class FaultRow {
  #buttons = new Map();
  #clear = el('button', { type: 'button', onclick: () => this.#send({ clear: 'all' }) }, 'All off');

  constructor(place) {
    for (const [name, label, title, options = {}] of SWITCHES) {
      const button = el('button', { type: 'button', title, 'aria-pressed': 'false' }, label);
      button.onclick = () => {
        const on = button.getAttribute('aria-pressed') === 'true';
        this.#send(on ? { clear: name } : { set: name, ...options });
      };
      this.#buttons.set(name, { button, label });
    }
    place.append(...[...this.#buttons.values()].map(({ button }) => button), this.#clear);
  }

  update(faults, held) {
    for (const [name, { button, label }] of this.#buttons) {
      const active = faults.filter((fault) => fault.name === name);
      button.setAttribute('aria-pressed', String(active.length > 0));
      const limits = active.map(({ match, remaining }) =>
        [match && `on ${match}`, remaining && `${remaining} left`].filter(Boolean).join(', '),
      );
      const waiting = name === 'hold' && held > 0 ? `${held} waiting` : '';
      const notes = [...limits, waiting].filter(Boolean).join('; ');
      setText(button, notes ? `${label} (${notes})` : label);
    }
    this.#clear.hidden = faults.length === 0;
  }

  #send(body) {
    // A failure shows by itself: the switch does not move.
    post('/sandbox/faults', body).catch(() => undefined);
  }
}
