import type { Node } from 'node-red';
import type { RheedStream } from '../../uploader/rheed.js';
import type { FrameBatch } from '../../uploader/types.js';
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
  /** Images of a byte stream: one that is broken takes none of its neighbours along. */
  readonly apart: boolean;
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
      const apart = settings.framing === 'bytes' && counted?.spec.format === 'image';
      return { data: counted && { counted, plan, apart }, skipped: 0 };
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
    push: async (stream, { counted, plan, apart }) => {
      const batch = captures.take(stream, counted, plan);
      if (!batch) return;
      const batches = apart ? singles(batch, Number(stream.settings.fps)) : [batch];
      // Each is copied in this turn, whatever becomes of the others.
      const pushed = batches.map(async (one) => pixels.took(stream, one.spec, await stream.push(one)));
      const failed = (await Promise.allSettled(pushed)).find(({ status }) => status === 'rejected');
      if (failed) throw (failed as PromiseRejectedResult).reason;
    },
  };
}

/** The images of a batch, one by one, each with its time. */
function singles({ parts, spec, stamps }: FrameBatch, fps: number): FrameBatch[] {
  const [first] = stamps;
  const stampOf = (index: number): number[] => {
    if (first === undefined) return [];
    return [stamps.length === 1 ? first + (index * 1000) / fps : (stamps[index] as number)];
  };
  return parts.map((part, index) => ({ parts: [part], spec, stamps: stampOf(index) }));
}
