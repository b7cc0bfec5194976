import type { Feeder } from './extension.mts';

export interface ReadingsTask {
  readonly kind: 'readings';
  /** The node that sends them over its wire. */
  readonly source: string;
  readonly messages: number;
  /** Channels that take turns (single values), or that are in each message (batches). */
  readonly channels: number;
  /** Rows in each message; 0: a message is one number. */
  readonly rows: number;
  /** Messages that may wait for their done() at once. */
  readonly window: number;
}

/** The time of the first row of all batches, Unix s. */
const FIRST = 1_700_000_000;

/** Sends messages as fast as they are done; resolves when the last one is. Values count up from 0. */
export async function sendReadings(
  { source, messages, channels, rows, window }: ReadingsTask,
  feeder: Feeder,
): Promise<void> {
  const names = Array.from({ length: channels }, (_, i) => `channel-${i}`);
  const message = (number: number): object => {
    if (rows === 0) return { topic: `furnace/${names[number % channels]}`, payload: number };
    const timestamps = Array.from({ length: rows }, (_, i) => FIRST + number * rows + i);
    const values = timestamps.map((time) => time - FIRST);
    return { payload: { channels: Object.fromEntries(names.map((name) => [name, { timestamps, values }])) } };
  };
  let sent = 0;
  await new Promise<void>((resolve) => {
    const next = (): void => {
      while (sent < messages && sent - feeder.done < window) {
        feeder.send(source, message(sent));
        sent += 1;
      }
      if (feeder.done === messages) resolve();
    };
    feeder.ended = next;
    next();
  });
}
