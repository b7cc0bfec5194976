import type { Node, NodeAPI, NodeDef } from 'node-red';
import type { TimeseriesStream } from '../../uploader/timeseries.js';
import type { RawSettings, Reading } from '../../uploader/types.js';
import type { Read, StreamNodeKind } from '../common/kind.js';
import { pickSettings } from '../common/request.js';
import { StreamNode } from '../common/stream-node.js';
import { type ChannelTable, compileTable, readTable, type SourceMaker } from './channel-table.js';
import { readReadings } from './readings.js';
import { nodeRedSources } from './sources.js';
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

/** Compiles a table once, however many messages it reads. */
function tableCache(make: SourceMaker): (settings: RawSettings) => ChannelTable | null {
  let compiled: { text: string; table: ChannelTable | null } | undefined;
  return ({ channels }) => {
    const text = JSON.stringify(channels ?? null);
    if (compiled?.text !== text) compiled = { text, table: compileTable(channels, make) };
    return compiled.table;
  };
}

function toRead({ readings, skipped }: Readings): Read<readonly Reading[]> {
  return { data: readings.length > 0 ? readings : null, skipped };
}

function timeseriesKind(make: SourceMaker): StreamNodeKind<TimeseriesStream, readonly Reading[]> {
  const tableOf = tableCache(make);
  return {
    kind: 'timeseries',
    settingNames: SETTINGS,
    read(msg, settings) {
      const table = tableOf(settings);
      const readings = table ? readTable(table, msg) : readReadings(msg);
      return readings instanceof Promise ? readings.then(toRead) : toRead(readings);
    },
    open: (uploader, { owner, settings, editor, topic, onFirstData }) =>
      uploader.startTimeseries(owner, settings, editor, topic, onFirstData),
    push: (stream, readings) => stream.push(readings),
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
