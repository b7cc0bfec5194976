import type { Node } from 'node-red';
import type { RheedStream } from '../../uploader/rheed.js';
import type { StreamNodeKind } from '../common/kind.js';
import { Captures } from './capture/captures.js';
import { type Plan, readPlan } from './capture/thinning.js';
import type { CountedBatch } from './frames.js';
import { ByteSources } from './framing/byte-sources.js';
import { PixelWatch } from './pixel-watch.js';
import { missedMessage, readMessage } from './reader.js';

/** The frames of a message, and which of them are kept. */
interface CameraData {
  readonly counted: CountedBatch;
  readonly plan: Plan;
}

/**
 * What a RHEED node does differently, and what it has seen: one for each node.
 *
 * @param settingNames of all settings a message may override
 */
export function rheedKind(
  node: Node,
  settingNames: readonly string[],
): StreamNodeKind<RheedStream, CameraData> {
  const pixels = new PixelWatch();
  const captures = new Captures((text) => node.warn(text));
  const sources = new ByteSources(node.id, (stream, why) => captures.cut(stream, why));
  return {
    kind: 'rheed',
    settingNames,
    read: (msg, settings, stream) => {
      const counted = readMessage(msg, settings, stream, sources);
      const plan = readPlan(settings);
      return { data: counted && { counted, plan }, skipped: 0 };
    },
    missed: (msg) => missedMessage(msg, sources),
    ended: (stream) => {
      sources.ended(stream);
      pixels.ended(stream);
    },
    facts: (stream) => ({ ...pixels.facts(stream), ...captures.facts(stream) }),
    remarks: () => [...captures.remarks(), ...pixels.remarks()],
    tick: () => sources.tick(),
    close: () => {
      sources.close();
      captures.close();
    },
    open: (uploader, { owner, settings, editor, topic, onFirstData }) =>
      uploader.startRheed(owner, settings, editor, topic, onFirstData),
    push: async (stream, { counted, plan }) => {
      const batch = captures.take(stream, counted, plan);
      if (batch) pixels.took(stream, batch.spec, await stream.push(batch));
    },
  };
}
