/** The process behind `receiver.mts`. */
import { checkUpload, decodeFrame } from '../../sandbox/shards/shard.mts';
import { CameraFrames } from '../../test/helpers/camera-frames.mts';
import { Service, type StoredStream } from '../service.mts';
import { FrameCheck } from './frame-check.mts';
import type { Answer, Progress, Question } from './receiver.mts';

const service = new Service(JSON.parse(process.argv[2] ?? '{}'));

function progress(): Progress {
  const { user, system } = process.cpuUsage();
  const streams = [...service.streams.values()].map(({ id, ended, chunks }) => {
    let [bytes, first, last] = [0, Number.POSITIVE_INFINITY, 0];
    for (const { body, at } of chunks.values())
      [bytes, first, last] = [bytes + body.length, Math.min(first, at), Math.max(last, at)];
    return { id, ended, chunks: chunks.size, bytes, first, last };
  });
  return { streams, bytes: service.bytes, cpu: (user + system) / 1e6 };
}

function frames({ chunks }: StoredStream, camera: CameraFrames): number {
  const check = new FrameCheck(camera);
  const size = camera.width * camera.height;
  for (const [index, { body, dims }] of chunks) {
    const [n = 0, height, width] = dims.split(',').map(Number);
    if (height !== camera.height || width !== camera.width)
      throw new Error(`chunk ${index}: announced as ${dims}`);
    check.add(
      index,
      checkUpload(body, n).map((entry, frame) => decodeFrame(body, entry, size, frame)),
    );
  }
  const [fault] = check.faults(true);
  if (fault !== undefined) throw new Error(fault);
  return check.intact;
}

interface Body {
  readonly channel_name?: string;
  readonly timestamps?: number[];
  readonly values?: (number | null)[];
  readonly channels?: Record<string, { timestamps: number[]; values: (number | null)[] }>;
}

/** Values count up over the chunks; a channel that is held may repeat its last one. */
function points({ chunks }: StoredStream): number {
  const lists = new Map<string, (number | null)[]>();
  for (const [, { body }] of [...chunks].sort(([one], [other]) => one - other)) {
    const { channel_name, values = [], channels } = JSON.parse(body.toString()) as Body;
    const columns = channels ?? { [channel_name ?? '']: { values } };
    for (const [channel, column] of Object.entries(columns)) {
      const list = lists.get(channel) ?? [];
      list.push(...column.values);
      lists.set(channel, list);
    }
  }
  let count = 0;
  for (const [channel, list] of lists) {
    const own = list.filter((value, i) => value !== null && value !== list[i - 1]) as number[];
    const [first = 0, second = first + lists.size] = own;
    const step = second - first;
    own.forEach((value, i) => {
      if (value !== first + i * step)
        throw new Error(`${channel}: expected ${first + i * step}, got ${value}`);
    });
    count += own.length;
  }
  return count;
}

function answerTo(question: Question): Answer {
  if (question.kind === 'progress') return { progress: progress() };
  const [complaint] = service.complaints;
  if (complaint !== undefined) return { wrong: complaint };
  try {
    const streams = [...service.streams.values()];
    if (question.kind === 'points') return { counts: streams.map(points) };
    const camera = new CameraFrames(question.width, question.height);
    return { counts: streams.map((stream) => frames(stream, camera)) };
  } catch (error) {
    return { wrong: (error as Error).message };
  }
}

process.on('message', (question: Question) => process.send?.(answerTo(question)));
process.on('disconnect', () => process.exit());
process.send?.({ url: await service.listen() });
