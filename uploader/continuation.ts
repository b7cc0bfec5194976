import type { StreamRecord } from './spool/stream-record.js';

/**
 * The service has closed the stream: another one with the same settings takes the chunks from `base` on, where they
 * count from 0.
 */
export function continueFrom(data: StreamRecord, base: number): void {
  const name = data.generations.at(-1)?.name ?? 'Stream';
  data.generations.push({
    data_id: null,
    name: name.endsWith(' (continued)') ? name : `${name} (continued)`,
    base,
    opening: 'wanted',
    links: [],
  });
}
