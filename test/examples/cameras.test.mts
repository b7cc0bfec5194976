/** The camera examples, each against what it is made for: a folder, an MJPEG server, ffmpeg, a broker. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBroker } from '../../scripts/start/broker.mts';
import { RheedCamera } from '../../scripts/start/camera.mts';
import { startCamera } from '../../scripts/start/camera-feed.mts';
import { atBroker, type FlowNode, readExample } from '../../scripts/start/flow.mts';
import { output, program } from '../helpers/programs.mts';
import { Bench, changed, hash, type Shown, storedFrames } from './helpers.mts';

describe('examples: cameras', function () {
  this.timeout(180_000);
  let folder: string;
  let bench: Bench | undefined;
  const closing: (() => unknown)[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'examples-'));
  });
  afterEach(async () => {
    await bench?.close();
    bench = undefined;
    for (const close of closing.splice(0).reverse()) await close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The frames of a stream that has ended, as hashes. */
  async function stored({ sandbox }: Bench, { payload: dataId }: Shown): Promise<string[]> {
    assert.deepEqual(sandbox.complaints, []);
    assert.equal(sandbox.stream(String(dataId))?.sample?.name, 'GaN-001');
    return storedFrames(sandbox, String(dataId));
  }

  const received = ({ sandbox }: Bench) => Math.max(0, ...sandbox.streams().map(({ frames }) => frames ?? 0));

  it('RHEED from a folder of images, files that are still being written included', async () => {
    const images = path.join(folder, 'images');
    await mkdir(images);
    bench = await Bench.run(
      changed(await readExample('RHEED from a folder of images'), 'watch', { files: images }),
    );
    // It does not watch at once.
    for (let tries = 0; bench.shown('watch').length === 0; tries += 1) {
      assert.ok(tries < 200, 'watch sees nothing');
      await mkdir(path.join(images, `folder ${tries}`));
      await sleep(100);
    }
    await bench.press('start');
    await bench.until(() => bench?.shown('data_id').length !== 0, 'the start');

    const camera = new RheedCamera({ width: 160, height: 120, fps: 10, seed: 3 });
    const frames = Array.from({ length: 30 }, (_, n) => camera.frame(n, RheedCamera.atRest));
    for (const [n, frame] of frames.entries()) {
      const file = await open(path.join(images, `image_${String(n).padStart(4, '0')}.pgm`), 'w');
      await file.write(Buffer.from('P5\n160 120\n255\n'));
      await file.write(frame.subarray(0, 5000));
      await sleep(n % 10 === 5 ? 300 : 20);
      await file.write(frame.subarray(5000));
      await file.close();
    }
    await bench.press('finalize');
    const end = await bench.ended();
    const sent = frames.map(hash);
    assert.deepEqual(await stored(bench, end), sent);
    assert.equal(end.report?.frames, 30);
    assert.deepEqual(bench.shown('error'), []);
  });

  it('RHEED from an MJPEG camera over HTTP, whose connection breaks in an image', async function () {
    const ffmpeg = program('ffmpeg') ?? this.skip();
    const pattern = '-v error -f lavfi -i testsrc=size=320x240:rate=25 -frames:v 40 -c:v mjpeg -f image2';
    await output(ffmpeg, [...pattern.split(' '), path.join(folder, '%03d.jpg')]);
    const files = (await readdir(folder)).sort();
    const images = await Promise.all(files.map((file) => readFile(path.join(folder, file))));

    let connections = 0;
    const camera = createServer(async (_request, response) => {
      connections += 1;
      const isFirst = connections === 1;
      response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=frame' });
      const part = (image: Buffer, bytes = image.length) => {
        response.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${image.length}\r\n\r\n`);
        response.write(image.subarray(0, bytes));
        response.write('\r\n');
        return sleep(10);
      };
      for (const image of isFirst ? images.slice(0, 25) : images.slice(25)) await part(image);
      if (isFirst) {
        await part(images[25] as Buffer, 3000);
        response.destroy();
      }
      // A camera goes on: the last image again and again.
      while (!response.destroyed) await part(images.at(-1) as Buffer);
    }).listen(0, '127.0.0.1');
    closing.push(() => {
      camera.closeAllConnections();
      camera.close();
    });
    await once(camera, 'listening');
    const address = `http://127.0.0.1:${(camera.address() as AddressInfo).port}/`;
    const flow = await readExample('RHEED from an MJPEG camera over HTTP');
    bench = await Bench.run(inCommand(flow, /http:\S+/, address));
    await bench.press('start');
    await bench.until(() => bench !== undefined && received(bench) >= 50, 'the second connection');
    assert.equal(connections, 2);
    await bench.press('finalize');
    const frames = await stored(bench, await bench.ended());
    assert.deepEqual(bench.shown('error'), []);

    // The same images, whole, each in a message.
    const rheed = flow.find(({ type }) => type === 'rheed-stream')?.id as string;
    for (const payload of images) {
      const message = {
        stream: 'files',
        settings: { framing: 'message', physicalSample: 'GaN-001' },
        payload,
      };
      assert.equal((await bench.nodeRed.send(rheed, message)).error, undefined);
    }
    await bench.nodeRed.send(rheed, { stream: 'files', action: 'finalize' });
    assert.deepEqual(frames.slice(0, 40), await stored(bench, await bench.ended(2)));
  });

  it('RHEED from an MJPEG camera that is away: Stop ends the stream', async function () {
    if (!program('ffmpeg')) this.skip();
    const away = createServer().listen(0, '127.0.0.1');
    await once(away, 'listening');
    const address = `http://127.0.0.1:${(away.address() as AddressInfo).port}/`;
    away.close();
    await once(away, 'close');
    const flow = await readExample('RHEED from an MJPEG camera over HTTP');
    bench = await Bench.run(inCommand(flow, /http:\S+/, address));
    const events = () => bench?.shown('data_id').map(({ event }) => event) ?? [];
    for (const run of [1, 2]) {
      const before = bench.shown('ffmpeg says').length;
      await bench.press('start');
      const said = () => bench?.shown('ffmpeg says').length ?? 0;
      await bench.until(() => said() > before, 'ffmpeg to find no camera');
      await bench.press('finalize');
      await bench.ended(run);
      assert.equal(events().filter((event) => event === 'started').length, run);
    }
    assert.deepEqual(bench.shown('error'), []);
  });

  it('RHEED from a video by ffmpeg, at full rate', async function () {
    const ffmpeg = program('ffmpeg') ?? this.skip();
    const video = path.join(folder, 'rheed.mkv');
    const pattern = '-v error -f lavfi -i testsrc=size=500x300:rate=120:duration=3 -c:v ffv1 -pix_fmt gray';
    await output(ffmpeg, [...pattern.split(' '), video]);
    const all = await output(ffmpeg, ['-v', 'error', '-i', video, '-f', 'rawvideo', '-pix_fmt', 'gray', '-']);
    const expected = Array.from({ length: 360 }, (_, n) =>
      hash(all.subarray(n * 150_000, (n + 1) * 150_000)),
    );

    const flow = await readExample('RHEED from a video by ffmpeg, at full rate');
    bench = await Bench.run(inCommand(flow, /\S+\.mkv/, video));
    await bench.press('start');
    await bench.press('start');
    await bench.until(() => bench?.shown('press Stop first').length === 1, 'the refusal of a second start');
    assert.deepEqual(await stored(bench, await bench.ended()), expected);
    assert.equal(bench.sandbox.streams()[0]?.fps, 120);

    // Ended by the button, in the middle: what ffmpeg gave until then.
    await bench.press('start');
    const isReceiving = () => bench?.sandbox.streams().every(({ frames }) => Number(frames) > 0);
    await bench.until(
      () => bench?.sandbox.streams().length === 2 && isReceiving() === true,
      'another stream',
    );
    await bench.press('finalize');
    const frames = await stored(bench, await bench.ended(2));
    assert.ok(frames.length > 0);
    assert.deepEqual(frames, expected.slice(0, frames.length));
    assert.deepEqual(bench.shown('ffmpeg says'), []);
    assert.deepEqual(bench.shown('error'), []);
  });

  it('RHEED frames over MQTT', async () => {
    const broker = await startBroker(0);
    closing.push(() => broker.close());
    const published: string[] = [];
    const camera = startCamera({
      fps: 30,
      publish: (topic, payload) => {
        published.push(hash(payload as Uint8Array));
        return broker.publish(topic, payload);
      },
    });
    closing.push(() => camera.close());
    const example = await readExample('RHEED frames over MQTT');
    bench = await Bench.run(changed(atBroker(example, broker.port), 'rheed-stream', { fps: '30' }));
    await bench.until(() => broker.subscriptions.has('rheed/frames'), 'the connection to the broker');
    await bench.press('start');
    await bench.until(() => bench !== undefined && received(bench) >= 60, 'a chunk of frames');
    await bench.press('finalize');
    const frames = await stored(bench, await bench.ended());
    const first = published.indexOf(frames[0] ?? '');
    assert.ok(first >= 0, 'the first frame is one of the camera’s');
    assert.deepEqual(frames, published.slice(first, first + frames.length));
    assert.deepEqual(bench.shown('error'), []);
  });
});

/** The same flow with another file or address in its command. */
function inCommand(flow: readonly FlowNode[], what: RegExp, by: string): FlowNode[] {
  const command = flow.find(({ type }) => type === 'exec')?.command as string;
  assert.match(command, what);
  return changed(flow, 'exec', { command: command.replace(what, by) });
}
