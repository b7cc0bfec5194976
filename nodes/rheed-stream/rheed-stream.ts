import type { Node, NodeAPI, NodeDef } from 'node-red';
import type { RheedStream } from '../../uploader/rheed.js';
import type { FrameBatch } from '../../uploader/types.js';
import type { StreamNodeKind } from '../common/kind.js';
import { pickSettings } from '../common/request.js';
import { StreamNode } from '../common/stream-node.js';
import { readFrames } from './frames.js';
import { PixelWatch } from './pixel-watch.js';

/** Every setting of the node that a message may override; names are the contracts'. */
const SETTINGS = [
  'fps',
  'rotationsPerMin',
  'chunkSize',
  'streamName',
  'physicalSample',
  'projectId',
  'tags',
  'azimuth',
  'format',
  'width',
  'height',
  'headerBytes',
  'byteOrder',
  'align',
  'significantBits',
  'depth',
  'low',
  'high',
  'cropX',
  'cropY',
  'cropWidth',
  'cropHeight',
  'bin',
  'flip',
  'idleTimeout',
  'autoStart',
];

/** What a RHEED node does differently, and what it has seen: one for each node. */
function rheedKind(): StreamNodeKind<RheedStream, FrameBatch> {
  const pixels = new PixelWatch();
  return {
    kind: 'rheed',
    settingNames: SETTINGS,
    read: (msg, settings) => ({ data: readFrames(msg, settings), skipped: 0 }),
    ended: (stream) => pixels.ended(stream),
    facts: (stream) => pixels.facts(stream),
    remarks: () => pixels.remarks(),
    open: (uploader, { owner, settings, editor, topic, onFirstData }) =>
      uploader.startRheed(owner, settings, editor, topic, onFirstData),
    push: async (stream, batch) => {
      pixels.took(stream, batch.spec, await stream.push(batch));
    },
  };
}

module.exports = function register(RED: NodeAPI): void {
  function RheedStreamNode(this: Node, config: NodeDef & { account?: string }) {
    RED.nodes.createNode(this, config);
    const account = RED.nodes.getNode(config.account ?? '');
    const streams = new StreamNode(RED, this, account, pickSettings(config, SETTINGS), rheedKind());
    this.on('input', (msg, _send, done) => streams.input(msg, done));
    this.on('close', (removed: boolean, done: () => void) => {
      streams
        .close(removed)
        .catch((error: Error) => this.warn(error.message))
        .finally(done);
    });
  }

  RED.nodes.registerType('rheed-stream', RheedStreamNode, {});
};
