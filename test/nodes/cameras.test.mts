/** Cameras as they come: the nodes that Node-RED itself has for them, in a real Node-RED, feeding rheed-stream. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import { startBroker } from '../../scripts/start/broker.mts';
import type { FlowNode } from '../helpers/node-red.mts';
import { flowOf, type NodesBench, openerOfShared, RHEED } from '../helpers/nodes-bench.mts';
import { freePorts } from '../helpers/ports.mts';
import { Mosquitto, output, program } from '../helpers/programs.mts';
import { Random } from '../helpers/random.mts';
import { cutAtRandom } from '../helpers/slices.mts';

const [WIDTH, HEIGHT] = [40, 30];
const FRAME = WIDTH * HEIGHT;
const SIZE = { width: String(WIDTH), height: String(HEIGHT) };

/** Frames of noise that no other has. */
function frames(count: number, seed = 1): Buffer {
  const random = new Random(seed);
  return Buffer.from(Array.from({ length: count * FRAME }, () => random.below(256)));
}

/** A node of the flow, feeding rheed-stream. */
const source = (type: string, settings: object, wires: string[][] = [[RHEED]]): FlowNode => ({
  id: 'source',
  type,
  z: 'tab',
  ...settings,
  wires,
});

const reporter = (port: string, report: string): FlowNode => ({
  id: port,
  type: 'function',
  z: 'tab',
  func: `global.get('toTest')({ port: '${port}', ...(${report}) }); return null;`,
  outputs: 1,
  wires: [[]],
});

describe('cameras through the nodes of Node-RED', function () {
  this.timeout(120_000);
  let bench: NodesBench;
  const openBench = openerOfShared();
  let folder: string;
  const closing: (() => unknown)[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'camera-'));
  });

  afterEach(async () => {
    await bench?.rest();
    for (const close of closing.splice(0).reverse()) await close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(rheed: object, others: FlowNode[], version: 4 | 5 = 5): Promise<void> {
    bench = await openBench({ nodeRed: { version }, rheed: { fps: '10', ...rheed }, others });
  }

  /** How many frames the node has accepted. */
  async function accepted(): Promise<number> {
    const before = bench.out('rheed:2', 'status').length;
    await bench.red.send(RHEED, { action: 'status' });
    const { payload } = await bench.until('rheed:2', 'status', before + 1);
    return (payload as { frames: number }).frames;
  }

  async function untilAccepted(count: number): Promise<void> {
    for (let tries = 0; (await accepted()) < count; tries += 1) {
      assert.ok(tries < 1000, `${count} frames expected, ${await accepted()} accepted`);
      await sleep(50);
    }
  }

  /** The pixels of the finalized stream, and the status before its end. */
  async function finalized() {
    await bench.red.send(RHEED, { action: 'finalize' });
    await bench.red.waitFor(() => bench.out('rheed:1', 'finalized').length > 0, 'the end', 60_000);
    const { data_id } = await bench.until('rheed:1', 'finalized');
    const before = bench.out('rheed:2', 'status').length;
    await bench.red.send(RHEED, { action: 'status' });
    const status = (await bench.until('rheed:2', 'status', before + 1)).payload as Record<string, unknown>;
    const chunks = bench.sandbox.stream(String(data_id))?.chunks ?? [];
    const starts = chunks.map((chunk) => ('start_ms' in chunk ? chunk.start_ms : null));
    return { pixels: await bench.stored(data_id), status, starts };
  }

  describe('exec in spawn mode', () => {
    const exec = (command: string) =>
      source('exec', { command, addpay: 'payload', append: '', useSpawn: 'true', timer: '', oldrc: false }, [
        [RHEED, 'slice'],
        [],
        ['exit'],
      ]);
    const watchers = [
      reporter('slice', "{ isText: typeof msg.payload === 'string' }"),
      reporter('exit', '{ code: msg.payload.code }'),
    ];

    async function run(args: string): Promise<void> {
      const before = bench.out('exit').length;
      bench.red.post('source', { payload: args });
      await bench.red.waitFor(() => bench.out('exit').length > before, 'the program to end', 40_000);
      assert.equal(bench.out('exit').at(-1)?.code, 0);
    }

    for (const version of [5, 4] as const) {
      it(`raw frames of ffmpeg are the same, those that come as text too (Node-RED ${version})`, async function () {
        const ffmpeg = program('ffmpeg') ?? this.skip();
        // Grays around 80: most slices are valid UTF-8, which exec makes a string of.
        const dark =
          '-v error -f lavfi -i color=c=0x505050:size=40x30:rate=50 -frames:v 400 -f rawvideo -pix_fmt gray -';
        const moving =
          '-v error -f lavfi -i testsrc=size=40x30:rate=50 -frames:v 300 -f rawvideo -pix_fmt gray -';
        await open({ ...SIZE, framing: 'bytes', format: 'mono8' }, [exec(ffmpeg), ...watchers], version);
        await run(dark);
        await run(moving);
        const { pixels, status } = await finalized();
        const expected = await Promise.all([dark, moving].map((args) => output(ffmpeg, args.split(' '))));
        assert.equal(expected[0]?.length, 400 * FRAME);
        assert.ok(pixels.equals(Buffer.concat(expected)));
        assert.ok(
          bench.out('slice').some(({ isText }) => isText),
          'no slice came as text',
        );
        assert.equal(status.frames_cut, undefined);
        assert.deepEqual(bench.codes(), []);
      });
    }

    for (const [codec, name] of [
      ['mjpeg', 'JPEG'],
      ['png', 'PNG'],
    ] as const) {
      it(`a stream of ${name} images of ffmpeg gives the frames that its files give`, async function () {
        const ffmpeg = program('ffmpeg') ?? this.skip();
        const pattern = '-v error -f lavfi -i testsrc=size=320x240:rate=25 -frames:v 40';
        const extension = name === 'PNG' ? 'png' : 'jpg';
        const files = path.join(folder, `%03d.${extension}`);
        await output(ffmpeg, [...pattern.split(' '), '-c:v', codec, '-f', 'image2', files]);
        await open({ framing: 'bytes' }, [exec(ffmpeg), ...watchers]);
        await run(`${pattern} -c:v ${codec} -f image2pipe -`);
        const { pixels } = await finalized();
        assert.deepEqual(bench.codes(), []);

        const names = (await readdir(folder)).sort();
        assert.equal(names.length, 40);
        for (const file of names)
          await bench.red.send(RHEED, {
            stream: 'files',
            settings: { framing: 'message' },
            payload: await readFile(path.join(folder, file)),
          });
        await bench.red.send(RHEED, { stream: 'files', action: 'finalize' });
        const { data_id } = await bench.until('rheed:1', 'finalized', 2);
        assert.equal(pixels.length, 40 * 320 * 240);
        assert.ok(pixels.equals(await bench.stored(data_id)));
      });
    }

    it('a multipart stream of a camera, by curl', async function () {
      const curl = program('curl') ?? this.skip();
      const names = ['gray.jpg', 'thumbnail.jpg', 'restarts.jpg', 'progressive.jpg'];
      const images = await Promise.all(
        names.map((name) => readFile(path.join(import.meta.dirname, '..', 'fixtures', 'images', name))),
      );
      const sent = Array.from({ length: 40 }, (_, n) => images[n % images.length] as Buffer);
      const camera = createServer(async (_request, response) => {
        response.setHeader('Content-Type', 'multipart/x-mixed-replace; boundary=frame');
        for (const image of sent) {
          response.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${image.length}\r\n\r\n`);
          response.write(image);
          response.write('\r\n');
          await sleep(1);
        }
        response.end();
      }).listen(0, '127.0.0.1');
      closing.push(() => camera.close());
      await once(camera, 'listening');
      await open({ framing: 'bytes', format: 'image' }, [exec(curl), ...watchers]);
      await run(`-sN --noproxy * http://127.0.0.1:${(camera.address() as AddressInfo).port}/`);
      const { pixels } = await finalized();
      const whole = { stream: 'whole', settings: { framing: 'message' } };
      for (const image of sent) await bench.red.send(RHEED, { ...whole, payload: image });
      await bench.red.send(RHEED, { ...whole, action: 'finalize' });
      const { data_id } = await bench.until('rheed:1', 'finalized', 2);
      assert.equal(pixels.length, 40 * 24 * 16);
      assert.ok(pixels.equals(await bench.stored(data_id)));
      assert.deepEqual(bench.codes(), []);
    });

    it('a program that breaks off in a frame and is started again', async function () {
      const head = program('head') ?? this.skip();
      const file = path.join(folder, 'frames.raw');
      const all = frames(100);
      await writeFile(file, all);
      await open({ ...SIZE, framing: 'bytes', format: 'mono8' }, [exec(head), ...watchers]);
      const broken = 70 * FRAME + 500;
      await run(`-c ${broken} ${file}`);
      await run(`-c ${all.length} ${file}`);
      await run(`-c ${FRAME + 1} ${file}`);
      const { pixels, status } = await finalized();
      assert.ok(pixels.equals(Buffer.concat([all.subarray(0, 70 * FRAME), all, all.subarray(0, FRAME)])));
      assert.equal(status.frames_cut, 2);
      assert.deepEqual(bench.codes(), []);
    });
  });

  describe('tcp in', () => {
    const tcpIn = (port: number) =>
      source('tcp in', {
        server: 'server',
        host: '',
        port: String(port),
        datamode: 'stream',
        datatype: 'buffer',
        newline: '',
        topic: '',
        trim: false,
        base64: false,
        tls: '',
      });

    /** Sends bytes in slices of any size; the connection is closed behind them. */
    async function transmit(port: number, slices: readonly Uint8Array[]): Promise<void> {
      const socket = createConnection(port, '127.0.0.1').setNoDelay(true);
      await once(socket, 'connect');
      for (const slice of slices) {
        if (!socket.write(slice)) await once(socket, 'drain');
        await sleep(0);
      }
      socket.end();
      await once(socket, 'close');
    }

    for (const version of [5, 4] as const) {
      it(`frames of a connection that breaks off in a frame, and of the next ones (Node-RED ${version})`, async () => {
        const [port = 0] = await freePorts(1);
        await open({ ...SIZE, framing: 'bytes', format: 'mono8' }, [tcpIn(port)], version);
        const all = frames(200);
        const random = new Random(7);
        const first = all.subarray(0, 60 * FRAME + 77);
        await transmit(port, cutAtRandom(first, 5000, random));
        await untilAccepted(60);
        await transmit(port, cutAtRandom(all, 20_000, random));
        await untilAccepted(260);
        const { pixels, status } = await finalized();
        assert.ok(pixels.equals(Buffer.concat([all.subarray(0, 60 * FRAME), all])));
        assert.equal(status.frames_cut, 1);
        assert.deepEqual(bench.codes(), []);
      });
    }

    it('frames of two connections at once, none of them mixed', async () => {
      const [port = 0] = await freePorts(1);
      await open({ ...SIZE, framing: 'bytes', format: 'mono8' }, [tcpIn(port)]);
      const [one, other] = [frames(60, 1), frames(60, 2)];
      await Promise.all([one, other].map((all, n) => transmit(port, cutAtRandom(all, 3000, new Random(n)))));
      await untilAccepted(120);
      const { pixels } = await finalized();
      const found = split(pixels);
      assert.deepEqual(
        found.filter((frame) => split(one).includes(frame)),
        split(one),
      );
      assert.deepEqual(
        found.filter((frame) => split(other).includes(frame)),
        split(other),
      );
      assert.equal(found.length, 120);
    });

    it('no shifted frame when the node is deployed in the middle of a frame', async () => {
      const [port = 0] = await freePorts(1);
      await open({ ...SIZE, framing: 'bytes', format: 'mono8' }, [tcpIn(port)]);
      const all = frames(40);
      const socket = createConnection(port, '127.0.0.1').setNoDelay(true);
      closing.push(() => socket.destroy());
      socket.write(all.subarray(0, 10 * FRAME + 5));
      await untilAccepted(10);
      const changed = { ...bench.options, rheed: { ...bench.options.rheed, name: 'changed' } };
      await bench.red.deploy(flowOf(bench.sandbox.url, changed), 'nodes');
      socket.write(all.subarray(10 * FRAME + 5, 30 * FRAME));
      await bench.red.waitFor(() => bench.codes().length > 0, 'the refusal');
      assert.deepEqual([...new Set(bench.codes())], ['ERR_FRAME_SHAPE']);
      assert.equal(await accepted(), 10);
      await transmit(port, [all]);
      await untilAccepted(50);
      const { pixels } = await finalized();
      assert.ok(pixels.equals(Buffer.concat([all.subarray(0, 10 * FRAME), all])));
    });

    it('no shifted frame when framing is set right while the camera runs', async () => {
      const [port = 0] = await freePorts(1);
      await open({ ...SIZE, format: 'mono8' }, [tcpIn(port)]);
      const all = frames(40);
      const socket = createConnection(port, '127.0.0.1').setNoDelay(true);
      closing.push(() => socket.destroy());
      socket.write(all.subarray(0, 500));
      await bench.red.waitFor(() => bench.codes().length > 0, 'the refusal');
      const changed = { ...bench.options, rheed: { ...bench.options.rheed, framing: 'bytes' } };
      await bench.red.deploy(flowOf(bench.sandbox.url, changed), 'nodes');
      const before = bench.codes().length;
      socket.write(all.subarray(500, 20 * FRAME));
      await bench.red.waitFor(() => bench.codes().length > before, 'another refusal');
      await transmit(port, [all]);
      await untilAccepted(40);
      const { pixels } = await finalized();
      assert.ok(pixels.equals(all));
    });

    it('frames from the first whole one on when the stream is started while the camera runs', async () => {
      const [port = 0] = await freePorts(1);
      await open({ ...SIZE, framing: 'bytes', format: 'mono8', autoStart: false }, [tcpIn(port)]);
      const all = frames(40);
      const socket = createConnection(port, '127.0.0.1').setNoDelay(true);
      closing.push(() => socket.destroy());
      socket.write(all.subarray(0, 10 * FRAME + 5));
      await bench.red.waitFor(() => bench.codes().length > 0, 'the refusal');
      await sleep(200);
      assert.deepEqual([...new Set(bench.codes())], ['ERR_NOT_STARTED']);
      await bench.red.send(RHEED, { action: 'start' });
      socket.write(all.subarray(10 * FRAME + 5));
      await untilAccepted(29);
      const { pixels } = await finalized();
      assert.ok(pixels.equals(all.subarray(11 * FRAME)));
    });
  });

  it('mqtt in gives frames of a real broker', async () => {
    const broker = await startBroker(0);
    closing.push(() => broker.close());
    await open(SIZE, [
      {
        id: 'broker',
        type: 'mqtt-broker',
        broker: '127.0.0.1',
        port: String(broker.port),
        protocolVersion: '4',
      },
      source('mqtt in', { topic: 'camera/#', qos: '0', datatype: 'buffer', broker: 'broker' }),
    ]);
    await bench.red.waitFor(() => broker.subscriptions.has('camera/#'), 'the subscription');
    const all = frames(60);
    for (const frame of chunksOf(all, 3 * FRAME)) await broker.publish('camera/1', frame);
    await untilAccepted(60);
    const { pixels } = await finalized();
    assert.ok(pixels.equals(all));
  });

  it('mqtt in gives size, format and time by the user properties of MQTT 5', async function () {
    const mosquitto = program('mosquitto') ?? this.skip();
    const broker = await Mosquitto.start(mosquitto);
    closing.push(() => broker.close());
    await open({ width: '', height: '', format: 'auto' }, [
      {
        id: 'broker',
        type: 'mqtt-broker',
        broker: '127.0.0.1',
        port: String(broker.port),
        protocolVersion: '5',
      },
      source('mqtt in', {
        topic: 'camera',
        qos: '1',
        datatype: 'buffer',
        broker: 'broker',
        nl: false,
        rap: true,
      }),
    ]);
    const client = await connectAsync({ port: broker.port, host: '127.0.0.1', protocolVersion: 5 });
    closing.push(() => client.endAsync());
    const all = frames(30);
    const began = Date.UTC(2026, 0, 2, 3, 4, 5);
    await bench.red.waitFor(
      () => bench.red.statuses.some(({ node, fill }) => node === 'source' && fill === 'green'),
      'the connection',
    );
    for (const [n, frame] of chunksOf(all, FRAME).entries()) {
      // The last ten are missing ten frames later.
      const timestamp = String(began + (n < 20 ? n : n + 10) * 100);
      const userProperties = { width: '40', height: '30', format: 'mono8', timestamp };
      await client.publishAsync('camera', frame, { qos: 1, properties: { userProperties } });
    }
    await untilAccepted(30);
    const { pixels, starts, status } = await finalized();
    assert.ok(pixels.equals(all));
    assert.deepEqual(starts, [began, began + 3000]);
    assert.equal(status.frames_missing, 10);
    assert.deepEqual(bench.codes(), []);
  });

  it('watch and file in give images of a folder, with the time in their names', async () => {
    const images = path.join(folder, 'images');
    await mkdir(images);
    await open({ filenameTime: 'YYYY-MM-DD___HH-mm-ss.SSS UTC' }, [
      {
        id: 'folder',
        type: 'watch',
        z: 'tab',
        files: images,
        recursive: false,
        wires: [['isImage', 'seen']],
      },
      reporter('seen', '{ file: msg.file }'),
      {
        ...{ id: 'isImage', type: 'function', z: 'tab', outputs: 1, wires: [['source']] },
        func: "return msg.type === 'file' && msg.filename.endsWith('.pgm') ? msg : null;",
      },
      source('file in', {
        filename: 'filename',
        filenameType: 'msg',
        format: '',
        chunk: false,
        encoding: 'none',
      }),
    ]);
    // It does not watch at once.
    for (let tries = 0; bench.out('seen').length === 0; tries += 1) {
      assert.ok(tries < 200, 'watch sees nothing');
      await writeFile(path.join(images, `ready ${tries}.txt`), '');
      await sleep(100);
    }
    const all = frames(20);
    for (const [n, frame] of chunksOf(all, FRAME).entries()) {
      const tenths = String(n % 10).padEnd(3, '0');
      const name = `image_2024-01-31___12-00-0${Math.floor(n / 10)}.${tenths}.pgm`;
      // As a camera program should: a file is there when it is whole.
      const aside = path.join(folder, name);
      await writeFile(aside, Buffer.concat([Buffer.from(`P5\n${WIDTH} ${HEIGHT}\n255\n`), frame]));
      await rename(aside, path.join(images, name));
      await untilAccepted(n + 1);
    }
    const { pixels, starts, status } = await finalized();
    assert.ok(pixels.equals(all));
    assert.equal(starts[0], Date.UTC(2024, 0, 31, 12));
    assert.equal(status.frames_missing, undefined);
    assert.deepEqual(bench.codes(), []);
  });

  it('file in gives a file of many frames with a header each, in slices', async () => {
    const header = 640;
    const each = header + 2 * FRAME;
    const levels = frames(70);
    const file = Buffer.alloc(70 * each, 0xaa);
    for (const [n, frame] of chunksOf(levels, FRAME).entries()) {
      for (const [pixel, level] of frame.entries())
        file.writeUInt16LE(level * 256 + 7, n * each + header + 2 * pixel);
    }
    const paths = ['one.imm', 'other.imm'].map((name) => path.join(folder, name));
    await writeFile(paths[0] as string, file.subarray(0, 40 * each + 100));
    await writeFile(paths[1] as string, file);
    const settings = { ...SIZE, framing: 'bytes', format: 'mono16', headerBytes: '640' };
    await open(settings, [
      source('file in', {
        filename: 'payload',
        filenameType: 'msg',
        format: 'stream',
        chunk: false,
        encoding: 'none',
      }),
    ]);
    bench.red.post('source', { payload: paths[0] });
    await untilAccepted(40);
    bench.red.post('source', { payload: paths[1] });
    await untilAccepted(110);
    const { pixels, status } = await finalized();
    assert.ok(pixels.equals(Buffer.concat([levels.subarray(0, 40 * FRAME), levels])));
    assert.equal(status.frames_cut, 1);
    assert.deepEqual(bench.codes(), []);
  });

  it('http request gives images of a camera that is asked for them', async () => {
    const all = frames(20);
    const images = chunksOf(all, FRAME).map((frame) =>
      Buffer.concat([Buffer.from(`P5\n${WIDTH} ${HEIGHT}\n255\n`), frame]),
    );
    let next = 0;
    const camera = createServer((_request, response) => {
      response.setHeader('Content-Type', 'image/x-portable-graymap');
      response.end(images[next++]);
    }).listen(0, '127.0.0.1');
    closing.push(() => camera.close());
    await once(camera, 'listening');
    const { port } = camera.address() as AddressInfo;
    await open({}, [
      source('http request', { method: 'GET', ret: 'bin', url: `http://127.0.0.1:${port}/`, senderr: false }),
    ]);
    for (let n = 0; n < images.length; n += 1) {
      bench.red.post('source', { payload: '' });
      await untilAccepted(n + 1);
    }
    const { pixels } = await finalized();
    assert.ok(pixels.equals(all));
  });

  it('a broken image of a byte stream takes none of its neighbours along', async () => {
    await open({ framing: 'bytes' }, []);
    const good = await readFile(path.join(import.meta.dirname, '..', 'fixtures', 'images', 'gray.png'));
    const bad = await readFile(path.join(import.meta.dirname, '..', 'fixtures', 'images', 'gray.jpg'));
    // A frame header of no lines: the image has its end, and cannot be decoded.
    bad.fill(0, bad.indexOf(Buffer.from([0xff, 0xc0])) + 5, bad.indexOf(Buffer.from([0xff, 0xc0])) + 9);
    const refused = await bench.red.send(RHEED, { payload: Buffer.concat([good, bad, good, good]) });
    assert.match(refused.error?.code ?? '', /^ERR_FRAME_/);
    assert.equal((await bench.red.send(RHEED, { payload: good, timestamp: 1000 })).error, undefined);
    assert.equal(await accepted(), 4);
    const { pixels } = await finalized();
    assert.equal(pixels.length, 4 * 24 * 16);
  });

  it('a camera of another rate than declared, with a gap, is told by the dot, the log and the status', async () => {
    await open({ ...SIZE, fps: '10' }, []);
    const all = frames(1);
    const began = Date.UTC(2026, 0, 1);
    for (let n = 0; n < 40; n += 1) {
      // 20 frames a message and second, a second's worth of 10 missing once.
      const stamps = Array.from(
        { length: 20 },
        (_, frame) => began + (n < 20 ? n : n + 1) * 1000 + frame * 50,
      );
      const payload = Array<Buffer>(20).fill(all);
      assert.equal((await bench.red.send(RHEED, { payload, timestamps: stamps })).error, undefined);
    }
    await bench.red.waitFor(
      () => /20\/s measured, 10\/s declared.* missing/.test(bench.red.status(RHEED)?.text ?? ''),
      'the dot to say so',
    );
    const { status } = await finalized();
    assert.equal(status.fps_measured, 20);
    assert.equal(status.frames_missing, 9);
    const warnings = bench.red.logs.filter(({ text }) => text.includes('10 are declared'));
    assert.equal(warnings.length, 1);
  });

  it('a camera that is faster than wanted is thinned, by number or by time, and the rest is counted', async () => {
    await open({ ...SIZE, every: '3' }, []);
    const all = frames(50);
    for (const some of chunksOf(all, 5 * FRAME)) await bench.red.send(RHEED, { payload: some });
    const { pixels, status } = await finalized();
    assert.ok(pixels.equals(Buffer.concat(chunksOf(all, FRAME).filter((_, n) => n % 3 === 0))));
    assert.equal(status.frames_thinned, 33);

    const settings = { every: 1, maxFps: 10 };
    for (const [n, frame] of chunksOf(all, FRAME).entries()) {
      const timestamp = Date.UTC(2026, 0, 1) + n * 50;
      const { error } = await bench.red.send(RHEED, { stream: 'timed', payload: frame, timestamp, settings });
      assert.equal(error, undefined);
    }
    await bench.red.send(RHEED, { stream: 'timed', action: 'finalize' });
    const { data_id } = await bench.until('rheed:1', 'finalized', 2);
    const kept = await bench.stored(data_id);
    assert.ok(kept.equals(Buffer.concat(chunksOf(all, FRAME).filter((_, n) => n % 2 === 0))));
    const refused = await bench.red.send(RHEED, { stream: 'other', payload: all, settings: { every: 0 } });
    assert.equal(refused.error?.code, 'ERR_SETTINGS');
  });
});

function chunksOf(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: bytes.length / size }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
}

/** Frames as texts, to be compared. */
const split = (bytes: Buffer): string[] => chunksOf(bytes, FRAME).map((frame) => frame.toString('base64'));
