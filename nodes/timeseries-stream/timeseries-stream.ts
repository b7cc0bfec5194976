import type { Node, NodeAPI, NodeDef } from 'node-red';
import type { TimeseriesStream } from '../../uploader/timeseries.js';
import type { RawSettings, Reading } from '../../uploader/types.js';
import type { Read, StreamNodeKind } from '../common/kind.js';
import { pickSettings } from '../common/request.js';
import { StreamNode } from '../common/stream-node.js';
import { type ChannelTable, compileTable, readTable, type SourceMaker } from './channel-table.js';
import { readReadings } from './readings.js';
import { nodeRedSources } from './sources.js';
import { type Limits, Thinning } from './thinning.js';
import type { Readings } from './values.js';

/** Every setting of the node that a message may override; names are the contracts'. */
const SETTINGS = [
  'streamName',
  'synthSourceId',
  'physicalSample',
  'projectId',
  'tags',
  'pointsPerChunk',
  'flushInterval',
  'rowWindow',
  'fill',
  'idleTimeout',
  'autoStart',
  'channels',
];

/** Compiles a table once, however many messages it reads: a stream keeps the list of its settings. */
function tableCache(make: SourceMaker): (settings: RawSettings) => ChannelTable | null {
  const compiled = new WeakMap<object, ChannelTable | null>();
  return ({ channels }) => {
    if (typeof channels !== 'object' || channels === null) return compileTable(channels, make);
    let table = compiled.get(channels);
    if (table === undefined) {
      table = compileTable(channels, make);
      compiled.set(channels, table);
    }
    return table;
  };
}

/** Readings of one message, and what of them is worth keeping. */
interface Batch {
  readonly readings: readonly Reading[];
  /** How many are null: the sensor had none. */
  readonly gaps: number;
  readonly limits: Limits | undefined;
}

function toRead({ readings, skipped }: Readings, limits: Limits | undefined, fill: unknown): Read<Batch> {
  const gaps = readings.reduce((count, { value }) => (value === null ? count + 1 : count), 0);
  const isValue = gaps < readings.length;
  // A row of gaps alone tells nothing; what is held ends by it.
  if (!isValue && (gaps === 0 || fill === 'gap')) return { data: null, skipped };
  return { data: { readings, gaps, limits }, skipped, opens: isValue };
}

/** Pushes what is worth keeping of a batch. */
function thinnedPush(): (stream: TimeseriesStream, batch: Batch) => Promise<void> {
  const thinnings = new WeakMap<TimeseriesStream, Thinning>();
  return (stream, { readings, gaps, limits }) => {
    let thinning = thinnings.get(stream);
    if (thinning === undefined) {
      if (gaps === 0 && limits === undefined) return stream.push(readings);
      thinning = new Thinning();
      thinnings.set(stream, thinning);
    }
    const kept = thinning.keep(readings, limits);
    if (kept.length === 0 && gaps === readings.length) return Promise.resolve();
    // Even when nothing is kept: the sensor is alive.
    return stream.push(kept).catch((error: unknown) => {
      thinning.forget();
      throw error;
    });
  };
}

function timeseriesKind(make: SourceMaker): StreamNodeKind<TimeseriesStream, Batch> {
  const tableOf = tableCache(make);
  return {
    kind: 'timeseries',
    settingNames: SETTINGS,
    read(msg, settings) {
      const table = tableOf(settings);
      const found = table ? readTable(table, msg) : readReadings(msg);
      const finish = (readings: Readings) => toRead(readings, table?.limits, settings.fill);
      return found instanceof Promise ? found.then(finish) : finish(found);
    },
    open: (uploader, { owner, settings, editor, topic, onFirstData }) =>
      uploader.startTimeseries(owner, settings, editor, topic, onFirstData),
    push: thinnedPush(),
  };
}

module.exports = function register(RED: NodeAPI): void {
  function TimeseriesStreamNode(this: Node, config: NodeDef & { account?: string }) {
    RED.nodes.createNode(this, config);
    const account = RED.nodes.getNode(config.account ?? '');
    const kind = timeseriesKind(nodeRedSources(RED, this));
    const streams = new StreamNode(RED, this, account, pickSettings(config, SETTINGS), kind);
    this.on('input', (msg, _send, done) => streams.input(msg, done));
    this.on('close', (removed: boolean, done: () => void) => {
      streams
        .close(removed)
        .catch((error: Error) => this.warn(error.message))
        .finally(done);
    });
  }

  RED.nodes.registerType('timeseries-stream', TimeseriesStreamNode, {});
};
