import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import frameArrays from '../../dist/uploader/frame-arrays.js';
import inFlightModule from '../../dist/uploader/in-flight.js';
import nativeModule from '../../dist/uploader/native.js';
import type { Sandbox } from '../../sandbox/server.mts';
import { type Bench, Ears, freshEach, RHEED_SETTINGS, range, until } from '../helpers/uploader.mts';

const LIMIT = 128 * 2 ** 20;
const [WIDTH, HEIGHT] = [1024, 1024];
const OWNER = { node: 'n', stream: '' };

const FRAME = randomFillSync(new Uint8Array(WIDTH * HEIGHT));

/** A megapixel of noise, which compresses to nothing smaller, with its number; the bytes are copied in the push. */
function noise(number: number): Uint8Array {
  new DataView(FRAME.buffer).setUint32(0, number);
  return FRAME;
}

const batchOf = (frame: Uint8Array) => ({
  parts: [frame],
  stamps: [],
  spec: frameArrays.gray8(WIDTH, HEIGHT),
});

describe('a disk that stalls', function () {
  this.timeout(120_000);
  let bench: Bench;
  let sandbox: Sandbox;

  freshEach((fresh) => {
    ({ bench, sandbox } = fresh);
  });

  it('bounds the frames in memory, refuses the others, and keeps every one it confirms', async function () {
    if (process.platform === 'win32') this.skip();
    const { memoryInFlight } = nativeModule.native();
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    // The sidecar of the first chunk goes into a pipe that is full: its write waits until somebody reads.
    const pipe = join(stream.folder, '000000.json.tmp');
    const disk = await fullPipe(pipe);

    const before = process.memoryUsage.rss();
    const kept: number[] = [];
    const codes = new Map<unknown, number>();
    const pushes = range(0, 400).map((number) =>
      stream.push(batchOf(noise(number))).then(
        () => void kept.push(number),
        ({ code }) => void codes.set(code, (codes.get(code) ?? 0) + 1),
      ),
    );
    await until(() => kept.length > 0 && (codes.get('ERR_OVERLOAD') ?? 0) > 0, 'the disk to stall');
    assert.ok(memoryInFlight() <= LIMIT + 2 ** 20, `${memoryInFlight()} bytes in flight`);
    const grown = process.memoryUsage.rss() - before;
    assert.ok(grown < 2 * LIMIT, `the process grew by ${grown} bytes`);
    await assert.rejects(stream.push(batchOf(noise(400))), { code: 'ERR_OVERLOAD' });

    // The disk comes back.
    await unlink(pipe);
    await untilWouldWait(() => disk.read(Buffer.alloc(4096)));
    await disk.close();
    await Promise.all(pushes);
    await until(() => memoryInFlight() === 0, 'all frames to be written');
    await stream.push(batchOf(noise(1000)));
    kept.push(1000);
    await stream.finalize();
    await ears.stream('finalized');

    const stored: number[] = [];
    const dataId = String(stream.dataId);
    for (const { index } of sandbox.stream(dataId)?.chunks ?? []) {
      const pixels = await sandbox.readFrames(dataId, index);
      const view = new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength);
      for (let at = 0; at < pixels.length; at += WIDTH * HEIGHT) stored.push(view.getUint32(at));
    }
    const missing = kept.filter((number) => !stored.includes(number));
    assert.deepEqual(missing, [], 'confirmed and not stored');
    assert.equal(new Set(stored).size, stored.length, 'each once');
  });

  it('bounds the readings in memory, over all streams, and keeps every one it confirms', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const settings = { streamName: 't', flushInterval: 0, pointsPerChunk: 100_000 };
    const streams = await Promise.all(
      ['a', 'b'].map((stream) => uploader.startTimeseries({ node: 'n', stream }, settings, {})),
    );
    const ears = streams.map((stream) => new Ears(stream));
    const stall = await stallWrites();
    const kept = [0, 0];
    let overload = 0;
    const pushes: Promise<void>[] = [];
    try {
      for (let number = 0; number < 2000; number += 1) {
        for (const [which, stream] of streams.entries()) {
          const readings = range(0, 300).map((at) => ({
            channel: 'T',
            time: 1e9 + number * 300 + at,
            value: at,
          }));
          pushes.push(
            stream.push(readings).then(
              () => {
                kept[which] = (kept[which] ?? 0) + readings.length;
              },
              ({ code }) => {
                assert.equal(code, 'ERR_OVERLOAD');
                overload += 1;
              },
            ),
          );
        }
      }
      await until(() => overload > 0, 'refused readings');
      const { bytes } = inFlightModule.readingsInFlight;
      assert.ok(bytes > 32 * 2 ** 20 && bytes <= 64 * 2 ** 20, `${bytes} bytes in flight`);
    } finally {
      stall.end();
    }
    await Promise.all(pushes);
    assert.equal(inFlightModule.readingsInFlight.bytes, 0);
    assert.ok(overload < pushes.length);
    for (const stream of streams) await stream.finalize();
    const points = await Promise.all(ears.map(async (one) => (await one.stream('finalized')).report?.points));
    assert.deepEqual(points, kept);
  });
});

/** A pipe that takes no more before somebody reads. */
async function fullPipe(path: string): Promise<FileHandle> {
  execFileSync('mkfifo', [path]);
  const pipe = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
  await untilWouldWait(() => pipe.write(Buffer.alloc(4096)));
  return pipe;
}

async function untilWouldWait(step: () => Promise<unknown>): Promise<void> {
  try {
    for (;;) await step();
  } catch (error) {
    if ((error as { code?: string }).code !== 'EAGAIN') throw error;
  }
}

/** Every write of this process waits until it is ended. */
async function stallWrites(): Promise<{ end(): void }> {
  const handle = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { write } = prototype;
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  prototype.write = async function (this: FileHandle, ...values: unknown[]) {
    await ended;
    return Reflect.apply(write, this, values);
  } as FileHandle['write'];
  return {
    end: () => {
      prototype.write = write;
      end();
    },
  };
}
