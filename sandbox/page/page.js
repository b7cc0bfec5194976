/** The sandbox's page: what arrives, live. State comes over server-sent events. */
import { count, el, post, ranges, STATUS_TEXT, setText } from './dom.js';
import { FaultRow } from './faults.js';
import { RheedView } from './rheed.js';
import { TimeseriesView } from './timeseries.js';

const $ = (id) => document.getElementById(id);
const faults = new FaultRow($('faults'));
/** data_id of the stream in the detail; null = whichever is newest. */
let chosen = location.hash.slice(1) || null;
let shown = null;
let state = null;

setText($('endpoint'), location.origin);
$('copy').onclick = () =>
  navigator.clipboard.writeText(location.origin).then(
    () => setText($('copy'), 'Copied'),
    () => getSelection()?.selectAllChildren($('endpoint')),
  );

const events = new EventSource('/sandbox/events');
events.onmessage = ({ data }) => {
  state = JSON.parse(data);
  setLink('live', 'live');
  render();
};
events.onerror = () => setLink('lost', 'no connection to the sandbox');

function setLink(kind, text) {
  $('link').className = `pill ${kind}`;
  setText($('link'), text);
}

function render() {
  faults.update(state.faults, state.held);
  const active = state.streams.filter((stream) => stream.pipeline_status === 'stream_active').length;
  setText(
    $('totals'),
    state.streams.length > 0 ? `Streams: ${count(state.streams.length)}, ${active} active` : 'Streams',
  );
  renderList();
  renderDetail();
  renderComplaints();
}

function renderList() {
  const list = $('streams');
  const current = currentStream()?.data_id;
  list.replaceChildren(
    ...state.streams.map((stream) => el('li', {}, listEntry(stream, stream.data_id === current))),
  );
  if (state.streams.length === 0) list.append(el('li', { class: 'empty' }, 'None yet.'));
}

function listEntry(stream, current) {
  const { name, kind, pipeline_status: status, sample, project, tags, missing, complaint_count } = stream;
  const links = [sample?.name, project?.name, ...tags.map((tag) => `#${tag.name}`)].filter(Boolean);
  const amount =
    kind === 'rheed'
      ? `${count(stream.frames)} frames`
      : `${count(stream.points)} points, ${stream.channels.length} ${stream.channels.length === 1 ? 'channel' : 'channels'}`;
  const trouble = [
    missing.length > 0 && `missing chunk ${ranges(missing)}`,
    complaint_count > 0 && `${complaint_count} refused`,
  ].filter(Boolean);
  return el(
    'button',
    {
      type: 'button',
      title: stream.data_id,
      'aria-current': String(current),
      onclick: () => choose(stream.data_id),
    },
    el(
      'span',
      { class: 'head' },
      el('span', { class: 'name' }, name ?? '(no name)'),
      el('span', { class: `pill ${status}` }, STATUS_TEXT[status]),
    ),
    el('span', { class: 'muted' }, `${kind === 'rheed' ? 'RHEED' : 'Timeseries'} · ${amount}`),
    links.length > 0 ? el('span', { class: 'muted' }, links.join(' · ')) : null,
    trouble.length > 0 ? el('span', { class: 'bad' }, trouble.join(' · ')) : null,
  );
}

function choose(dataId) {
  chosen = dataId;
  history.replaceState(null, '', `#${dataId}`);
  render();
}

function currentStream() {
  return state.streams.find((stream) => stream.data_id === chosen) ?? state.streams[0];
}

function renderDetail() {
  const stream = currentStream();
  if (!shown || stream?.data_id !== shown.id) {
    shown?.view?.destroy();
    shown = stream ? newDetail(stream) : emptyDetail();
  }
  if (!stream) return;
  const { head } = shown;
  setText(head.name, stream.name ?? '(no name)');
  head.status.className = `pill ${stream.pipeline_status}`;
  setText(head.status, STATUS_TEXT[stream.pipeline_status]);
  head.close.hidden = stream.pipeline_status !== 'stream_active';
  setText(head.sample, stream.sample?.name ?? '–');
  setText(head.project, stream.project?.name ?? '–');
  setText(head.tags, stream.tags.map((tag) => tag.name).join(', ') || '–');
  alarm(head.gaps, stream.missing.length > 0 && `Missing: chunk ${ranges(stream.missing)}`);
  alarm(
    head.closed,
    stream.pipeline_status === 'stream_error' &&
      'Closed by the service (stream_error): it takes no more chunks.',
  );
  shown.view.update(stream, state.now, state.seed);
  showNotes(stream);
}

function newDetail(stream) {
  const head = {
    name: el('h3'),
    status: el('span'),
    close: el(
      'button',
      {
        type: 'button',
        title: 'The service gives this stream up, as after 2 hours without data',
        onclick: () => post('/sandbox/faults', { closeStream: stream.data_id }).catch(() => undefined),
      },
      'Close as the service would',
    ),
    sample: el('b'),
    project: el('b'),
    tags: el('b'),
    gaps: el('p', { class: 'alarm', hidden: true }),
    closed: el('p', { class: 'alarm', hidden: true }),
    refused: el('p', { class: 'alarm', hidden: true }),
    warned: el('p', { class: 'alarm warning', hidden: true }),
  };
  const body = el('div');
  $('detail').replaceChildren(
    el('div', { class: 'detail-head' }, head.name, head.status, head.close),
    el(
      'p',
      { class: 'links' },
      el('span', {}, 'Sample ', head.sample),
      el('span', {}, 'Project ', head.project),
      el('span', {}, 'Tags ', head.tags),
      el('span', {}, 'data_id ', el('code', {}, stream.data_id)),
    ),
    head.closed,
    head.gaps,
    head.refused,
    head.warned,
    body,
  );
  const view = stream.kind === 'rheed' ? new RheedView(body, stream) : new TimeseriesView(body, stream);
  return { id: stream.data_id, head, view, noted: -1 };
}

function emptyDetail() {
  $('detail').replaceChildren(
    el(
      'p',
      { class: 'empty' },
      'Streams appear here as soon as a flow sends its first data to the address above.',
    ),
  );
  return { id: undefined };
}

/** The latest refusal and warning, which only the full state holds. */
async function showNotes(stream) {
  const detail = shown;
  if (detail.noted === stream.revision) return;
  detail.noted = stream.revision;
  const response = await fetch(`/sandbox/streams/${stream.data_id}`).catch(() => undefined);
  if (!response?.ok) return;
  const { complaints, warnings } = await response.json();
  const more = (list) => (list.length > 1 ? ` (and ${list.length - 1} more)` : '');
  alarm(detail.head.refused, complaints.length > 0 && `Refused: ${complaints.at(-1)}${more(complaints)}`);
  alarm(detail.head.warned, warnings.length > 0 && `${warnings.at(-1)}${more(warnings)}`);
}

function alarm(element, text) {
  element.hidden = !text;
  if (text) setText(element, text);
}

function renderComplaints() {
  const section = $('complaints');
  section.hidden = state.complaints.length === 0;
  const list = section.querySelector('ol');
  const newest = state.complaints.slice(-20).reverse();
  if (list.textContent !== newest.join('')) list.replaceChildren(...newest.map((text) => el('li', {}, text)));
}
