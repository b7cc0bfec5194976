import type { ListedAccount, ListedStream, State } from './list.js';
import {
  bytesText,
  type Cell,
  type Colour,
  counted,
  print,
  printTable,
  printWrapped,
  timeText,
} from './print.js';

const COLUMNS = [
  { title: 'STREAM', max: 26 },
  { title: 'KIND', max: 10 },
  { title: 'STATE', max: 10 },
  { title: 'WAITING', max: 14, right: true },
  { title: 'SIZE', max: 7, right: true },
  { title: 'LAST DATA', max: 19 },
] as const;

const COLOURS: Readonly<Record<State, Colour | undefined>> = {
  open: undefined,
  finalizing: undefined,
  finished: undefined,
  paused: 'yellow',
  refused: 'red',
  unreadable: 'red',
};

export function printAccount(account: ListedAccount): void {
  printWrapped(`Account ${account.account}, ${account.path}`, '');
  print(`  ${usersText(account)}`);
  if (account.paused_since !== null) {
    print(`  paused since ${local(account.paused_since)}: the API key was missing or refused`);
  }
  print();
  if (account.streams.length === 0) print('  no streams');
  else
    printTable(COLUMNS, account.streams.map(rowOf), (n) => printDetails(account.streams[n] as ListedStream));
}

function usersText({ in_use, owner }: ListedAccount): string {
  if (owner === null) return 'not in use';
  const who = `process ${owner.pid} on ${owner.host}`;
  if (in_use === 'yes') return `in use by ${who} since ${local(owner.since)}`;
  if (in_use === 'perhaps') return `perhaps in use by ${who}, another computer, since ${local(owner.since)}`;
  return `not in use; ${who} did not end by itself (started ${local(owner.since)})`;
}

const unitOf = ({ kind }: ListedStream): string => (kind === 'rheed' ? 'frame' : 'point');

function rowOf(stream: ListedStream): Cell[] {
  const { name, kind, state, waiting, last_data } = stream;
  return [
    { text: name ?? '(no name)', colour: 'bold' },
    { text: kind },
    { text: state, colour: COLOURS[state] },
    { text: counted(waiting.items, unitOf(stream)) },
    { text: bytesText(waiting.bytes) },
    { text: last_data === null ? '' : local(last_data) },
  ];
}

function printDetails(stream: ListedStream): void {
  const { waiting, kept } = stream;
  const unit = unitOf(stream);
  const line = (title: string, text: string): void => printWrapped(`${title.padEnd(12)} ${text}`, '    ');
  if (stream.problem !== null) line('problem', stream.problem);
  line('folder', stream.folder);
  line('data_id', stream.data_id ?? 'not opened on the service yet');
  for (const id of stream.earlier_data_ids) line('before', `${id}, continued by the one above`);
  if (waiting.chunks > 0) {
    const open =
      stream.open_items > 0 ? `, ${counted(stream.open_items, unit)} of them in the open chunk` : '';
    line('waiting', `${counted(waiting.chunks, 'chunk')} with ${counted(waiting.items, unit)}${open}`);
  }
  if (stream.waiting_since !== null) line('since', `${local(stream.waiting_since)}: ${stream.waiting_why}`);
  line(
    'uploaded',
    stream.last_upload === null
      ? 'nothing yet'
      : `${counted(stream.uploaded, 'chunk')}, last at ${local(stream.last_upload)}`,
  );
  if (kept.chunks > 0) line('kept', `${counted(kept.chunks, 'delivered chunk')}, ${bytesText(kept.bytes)}`);
  for (const [first, last, reason] of stream.lost)
    line('lost', `${first === last ? `chunk ${first}` : `chunks ${first}–${last}`}: ${reason}`);
  for (const { chunk_index, since, reason, items } of stream.quarantine) {
    const when = since === null ? '' : ` since ${local(since)}`;
    line('quarantine', `chunk ${chunk_index}, ${counted(items, unit)},${when}: ${reason}`);
  }
  print();
}

const local = (iso: string): string => timeText(Date.parse(iso));
