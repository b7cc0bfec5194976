import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { ImageJoiner } from '../../dist/nodes/rheed-stream/framing/image-joiner.js';
import type { Joiner } from '../../dist/nodes/rheed-stream/framing/joiner.js';
import { RawJoiner } from '../../dist/nodes/rheed-stream/framing/raw-joiner.js';
import type { Side, Suite } from '../suite.mts';

/** Bytes of a slice, as a pipe gives them. */
const SLICE = 65_536;
const FRAME = 500 * 300;
const FRAMES = 40;
const JPEG = new URL('../../test/fixtures/images/gray.jpg', import.meta.url);

export default {
  title: 'Slices: what it costs to find the frames of a byte stream',
  prepare: async ({ quick }) => {
    const times = quick ? 50 : 400;
    const sides: readonly Side[] = [
      side('raw 500x300', randomBytes(FRAMES * FRAME), () => new RawJoiner(FRAME, () => {}), times),
      side('JPEG', repeated(jpeg()), () => new ImageJoiner(() => {}), times),
      side('PNG', repeated(png()), () => new ImageJoiner(() => {}), times),
    ];
    return {
      work: `${times} times ${FRAMES} frames of 150 kB in slices of 64 KiB, in the thread that joins them`,
      sides,
      goals: sides.map(({ name }) => ({
        work: `a slice of 64 KiB, ${name}`,
        goal: '≤ 100 µs',
        value: (look) => look(name, 'cpu_us_per_slice'),
        max: 100,
        unit: ' µs',
        digits: 1,
      })),
      columns: [{ figure: 'cpu_us_per_slice', title: 'CPU µs a slice', digits: 1 }],
    };
  },
} satisfies Suite;

function side(name: string, stream: Buffer, open: () => Joiner, times: number): Side {
  const slices = Array.from({ length: Math.ceil(stream.length / SLICE) }, (_, n) =>
    stream.subarray(n * SLICE, (n + 1) * SLICE),
  );
  return {
    name,
    measure: async () => {
      const joiner = open();
      let bytes = 0;
      const before = process.cpuUsage();
      for (let n = 0; n < times; n += 1) {
        for (const slice of slices) for (const part of joiner.take(slice)) bytes += part.length;
      }
      const { user, system } = process.cpuUsage(before);
      if (bytes !== times * stream.length)
        throw new Error(`${name}: ${times * stream.length} bytes of frames expected, ${bytes} came`);
      return { figures: { cpu_us_per_slice: (user + system) / (times * slices.length) } };
    },
  };
}

const repeated = (image: Buffer): Buffer => Buffer.concat(Array<Buffer>(FRAMES).fill(image));

/** The header of a JPEG, and entropy-coded data as long as that of a large one. */
function jpeg(): Buffer {
  const small = readFileSync(JPEG);
  const scan = small.lastIndexOf(Buffer.from([0xff, 0xda])) + 10;
  const data = [...randomBytes(FRAME)].flatMap((byte) => (byte === 0xff ? [0xff, 0x00] : [byte]));
  return Buffer.concat([small.subarray(0, scan), Buffer.from(data), Buffer.from([0xff, 0xd9])]);
}

/** Chunks of a PNG whose data do not compress. */
function png(): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    crc.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, crc]);
  };
  const data = Array.from({ length: 18 }, () => chunk('IDAT', randomBytes(8192)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', Buffer.alloc(13)), ...data, chunk('IEND', Buffer.alloc(0))]);
}
