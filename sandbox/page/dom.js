/** Small helpers for building the page. Text is always set as text, never as markup. */

/** An element with properties, `class`, `data-`/`aria-` attributes, and children. */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === 'class') element.className = value;
    else if (name.includes('-')) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets the text only when it differs, so that a selection is not lost at every update. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function post(path, body) {
  return fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** 1234567 → "1 234 567", with thin spaces. */
export function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

export function size(bytes) {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

export function ago(ms) {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 90) return `${seconds.toFixed(0)} s ago`;
  return seconds < 5400 ? `${(seconds / 60).toFixed(0)} min ago` : `${(seconds / 3600).toFixed(1)} h ago`;
}

/** 25.1, 1e-9, 1.2346e+5: what fits a reading. */
export function reading(value) {
  if (value === null || value === undefined) return '–';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e5)) return value.toExponential(3);
  return String(Number(value.toPrecision(5)));
}

/** [[2,3],[7,7]] → "2–3, 7". */
export function ranges(list) {
  const shown = list.slice(0, 8).map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  return shown.join(', ') + (list.length > 8 ? ` and ${list.length - 8} more` : '');
}

export const STATUS_TEXT = {
  stream_active: 'active',
  stream_finalizing: 'finalizing',
  finished: 'finished',
  stream_error: 'closed by the service',
};
