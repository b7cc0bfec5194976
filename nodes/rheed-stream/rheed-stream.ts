import type { Node, NodeAPI, NodeDef } from 'node-red';
import { pickSettings } from '../common/request.js';
import { StreamNode } from '../common/stream-node.js';
import { rheedKind } from './rheed-kind.js';

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
  'framing',
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
  'compression',
  'every',
  'maxFps',
  'filenameTime',
  'idleTimeout',
  'autoStart',
];

module.exports = function register(RED: NodeAPI): void {
  function RheedStreamNode(this: Node, config: NodeDef & { account?: string }) {
    RED.nodes.createNode(this, config);
    const account = RED.nodes.getNode(config.account ?? '');
    const streams = new StreamNode(
      RED,
      this,
      account,
      pickSettings(config, SETTINGS),
      rheedKind(this, SETTINGS),
    );
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
