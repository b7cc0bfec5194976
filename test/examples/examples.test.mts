import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Broker, startBroker } from '../../scripts/start/broker.mts';
import { startCamera } from '../../scripts/start/camera-feed.mts';
import { atBroker, buttons, readExample } from '../../scripts/start/flow.mts';
import { startFurnace } from '../../scripts/start/furnace.mts';
import { NodeRed } from '../helpers/node-red.mts';
import { Bench, changed, hash, storedFrames } from './helpers.mts';

const names = readdirSync(fileURLToPath(new URL('../../examples/', import.meta.url)))
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));
const settled = (status: string | undefined) => status === 'finished' || status === 'stream_finalizing';

describe('examples', function () {
  this.timeout(180_000);

  it('have each its buttons, are grouped, without a secret or an address of ours', async () => {
    assert.deepEqual(names.sort(), [
      'Furnace over MQTT to timeseries',
      'Furnace over Modbus TCP to timeseries',
      'One growth run - camera, MQTT, Modbus and a dashboard',
      'One growth run - camera, sensors, start and stop button',
      'RHEED frames over MQTT',
      'RHEED from a folder of images',
      'RHEED from a simulated camera',
      'RHEED from a video by ffmpeg, at full rate',
      'RHEED from an MJPEG camera over HTTP',
    ]);
    for (const name of names) {
      const flow = await readExample(name);
      assert.equal(new Set(flow.map(({ id }) => id)).size, flow.length, `${name}: ids are unique`);
      assert.equal(buttons(flow, 'start').length, 1, `${name}: a start button`);
      assert.equal(buttons(flow, 'finalize').length, 1, `${name}: a stop button`);
      const [account] = flow.filter(({ type }) => type === 'atomscale-account');
      assert.equal(account?.endpoint, '');
      assert.equal('credentials' in (account ?? {}), false);
      for (const node of flow.filter(({ wires }) => Array.isArray(wires))) {
        assert.ok(
          node.type === 'comment' || typeof node.g === 'string',
          `${name}: ${node.name} is in a group`,
        );
      }
    }
  });

  it('name the packages and programs that they need', async () => {
    const needs = [
      [/^modbus/, 'node-red-contrib-modbus'],
      [/^ui-/, '@flowfuse/node-red-dashboard'],
      [/^exec$/, 'ffmpeg'],
    ] as const;
    for (const name of names) {
      const flow = await readExample(name);
      const info = flow.find(({ type }) => type === 'tab')?.info as string;
      const comments = flow
        .filter(({ type }) => type === 'comment')
        .map(({ name, info }) => `${name} ${info}`);
      for (const [types, need] of needs) {
        if (!flow.some(({ type }) => types.test(type))) continue;
        assert.ok(info.includes(need), `${name}: ${need} in the tab's description`);
        assert.ok(comments.join().includes(need), `${name}: ${need} in a comment`);
      }
    }
  });

  for (const version of [5, 4] as const) {
    it(`are in the import menu of Node-RED ${version}`, async () => {
      const nodeRed = await NodeRed.start({ version });
      try {
        for (const name of names) {
          const path = ['@rheed', 'node-red-atomscale', name].map(encodeURIComponent).join('/');
          const answer = await fetch(`${nodeRed.url}/library/examples/flows/${path}`);
          assert.equal(answer.status, 200, name);
          assert.deepEqual(await answer.json(), await readExample(name));
        }
      } finally {
        await nodeRed.dispose();
      }
    });
  }

  it('RHEED from a simulated camera', async () => {
    const bench = await Bench.run(await readExample('RHEED from a simulated camera'));
    const { sandbox } = bench;
    try {
      await bench.press('start');
      await bench.until(() => (sandbox.streams()[0]?.frames ?? 0) >= 120, 'two chunks of frames');
      await bench.press('finalize');
      await bench.until(() => bench.shown('data_id').some(({ event }) => event === 'finalized'), 'the end');

      const [stream, ...others] = sandbox.streams();
      assert.ok(stream && others.length === 0);
      assert.equal(stream.kind, 'rheed');
      assert.equal(stream.name, 'Simulated camera');
      assert.equal(stream.sample?.name, 'GaN-001');
      assert.deepEqual(
        stream.tags.map(({ name }) => name),
        ['demo'],
      );
      assert.deepEqual([stream.fps, stream.width, stream.height], [30, 500, 300]);
      assert.ok(settled(stream.pipeline_status), stream.pipeline_status);
      assert.deepEqual(stream.missing, []);
      const frames = await storedFrames(sandbox, stream.data_id);
      assert.equal(new Set(frames).size, frames.length, 'no frame arrived twice');
      const end = bench.shown('data_id').find(({ event }) => event === 'finalized');
      assert.equal(end?.payload, stream.data_id);
      assert.equal(end?.report?.frames, frames.length);
      assert.ok(bench.shown('status').length > 0);
      assert.deepEqual(bench.shown('error'), []);
      assert.deepEqual(sandbox.complaints, []);
    } finally {
      await bench.close();
    }
  });

  describe('over MQTT', () => {
    let broker: Broker;

    beforeEach(async () => {
      broker = await startBroker(0);
    });
    afterEach(async () => {
      await broker.close();
    });

    it('Furnace over MQTT to timeseries', async () => {
      const furnace = startFurnace({ publish: broker.publish });
      const bench = await Bench.run(
        atBroker(await readExample('Furnace over MQTT to timeseries'), broker.port),
      );
      const { sandbox } = bench;
      try {
        await bench.until(() => broker.subscriptions.has('furnace/#'), 'the connection to the broker');
        await bench.press('start');
        await bench.until(() => (sandbox.streams()[0]?.channels ?? []).length === 4, 'four channels');
        await bench.press('finalize');
        await bench.until(() => bench.shown('data_id').some(({ event }) => event === 'finalized'), 'the end');

        const [stream, ...others] = sandbox.streams();
        assert.ok(stream && others.length === 0);
        assert.equal(stream.kind, 'timeseries');
        assert.equal(stream.name, 'Furnace');
        assert.equal(stream.sample?.name, 'GaN-001');
        assert.ok(settled(stream.pipeline_status), stream.pipeline_status);
        const units = Object.fromEntries((stream.channels ?? []).map(({ name, units }) => [name, units]));
        assert.deepEqual(units, { temperature: '°C', pressure: 'mbar', 'heater power': 'W', rate: 'ML/s' });
        const points = await sandbox.readPoints(stream.data_id);
        const within = (channel: string, low: number, high: number) => {
          const values = (points[channel]?.values ?? []).filter((value) => value !== null);
          assert.ok(values.length > 0 && values.every((value) => value >= low && value <= high), channel);
        };
        within('temperature', 540, 560);
        within('pressure', 1e-10, 1e-9);
        within('heater power', 150, 190);
        within('rate', 0, 0.1);
        // What the other topics bring leaves the temperature held: it is in each of their rows.
        const temperature = points.temperature?.timestamps ?? [];
        for (const { timestamps } of Object.values(points)) {
          const without = timestamps.filter(
            (time) => time >= Number(temperature[0]) && !temperature.includes(time),
          );
          assert.deepEqual(without, [], 'rows without the temperature');
        }
        assert.ok(points.temperature?.values.every((value) => value !== null));
        // A chunk ends where one of four channels appears, and then by its time (5 s), with the stream at last.
        const seconds = Number(temperature.at(-1)) - Number(temperature[0]);
        const chunks = sandbox.stream(stream.data_id)?.chunks.length ?? 0;
        assert.ok(chunks <= 4 + seconds / 5 + 1, `${chunks} chunks in ${seconds} s`);
        assert.deepEqual(bench.shown('error'), []);
        assert.deepEqual(sandbox.complaints, []);
      } finally {
        furnace.close();
        await bench.close();
      }
    });

    it('Furnace over MQTT: a restart of Node-RED leaves the gate as it was', async () => {
      const furnace = startFurnace({ publish: broker.publish });
      const bench = await Bench.run(
        atBroker(await readExample('Furnace over MQTT to timeseries'), broker.port),
      );
      const { sandbox } = bench;
      const points = () => sandbox.streams()[0]?.points ?? 0;
      const status = () => bench.shown('status').map(({ payload }) => payload as Record<string, unknown>);
      try {
        await bench.until(() => broker.subscriptions.has('furnace/#'), 'the connection to the broker');
        await bench.restart();
        await bench.until(() => status().length > 0, 'the answer at the start');
        assert.deepEqual(
          status().map(({ open }) => open),
          [false],
        );
        await bench.press('start');
        await bench.until(() => points() > 0, 'points');
        await bench.restart();
        await bench.until(() => status().some(({ open }) => open === true), 'the answer after the restart');
        const before = status()[0]?.points as number;
        await bench.until(() => points() > before, 'points after the restart');
        await bench.press('finalize');
        const end = await bench.ended();
        assert.equal(sandbox.streams().length, 1);
        assert.equal(end.payload, sandbox.streams()[0]?.data_id);
        assert.deepEqual(end.report?.lost, []);
        assert.deepEqual(bench.shown('error'), []);
        assert.deepEqual(sandbox.complaints, []);
      } finally {
        furnace.close();
        await bench.close();
      }
    });

    it('One growth run - camera, sensors, start and stop button', async () => {
      const published: string[] = [];
      const camera = startCamera({
        fps: 30,
        publish: (topic, payload) => {
          published.push(hash(payload as Uint8Array));
          return broker.publish(topic, payload);
        },
      });
      const furnace = startFurnace({ publish: broker.publish });
      const heard: string[] = [];
      broker.onText('rheed/growth', (text) => {
        heard.push(text);
        camera.grow(text === 'start');
        furnace.grow(text === 'start');
      });
      const name = 'One growth run - camera, sensors, start and stop button';
      const example = atBroker(await readExample(name), broker.port);
      const bench = await Bench.run(changed(example, 'rheed-stream', { fps: '30' }));
      const { sandbox } = bench;
      try {
        await bench.until(() => broker.subscriptions.size === 2, 'the connection to the broker');
        await bench.press('start');
        const stream = (kind: string) => sandbox.streams().find((each) => each.kind === kind);
        await bench.until(() => (stream('rheed')?.frames ?? 0) >= 120, 'two chunks of frames');
        await bench.until(() => (stream('timeseries')?.channels ?? []).length === 4, 'four channels');
        await bench.press('finalize');
        const ends = () => bench.shown('end of a stream').filter(({ event }) => event === 'finalized');
        await bench.until(() => ends().length === 2, 'the end of both');

        assert.equal(sandbox.streams().length, 2);
        const [rheed, series] = [stream('rheed'), stream('timeseries')];
        assert.ok(rheed && series);
        assert.deepEqual(
          bench.shown('data_ids').map(({ payload }) => payload),
          [{ rheed: rheed.data_id, furnace: series.data_id }],
        );
        for (const each of [rheed, series]) {
          assert.equal(each.name, 'Growth run');
          assert.equal(each.sample?.name, 'GaN-001');
          assert.deepEqual(each.tags.map((tag) => tag.name).sort(), ['demo', 'growth']);
          assert.ok(settled(each.pipeline_status), each.pipeline_status);
          assert.deepEqual(each.missing, []);
        }
        assert.deepEqual(heard, ['start', 'stop']);

        // From the first frame to the last: every one that the camera gave, once, in order, intact.
        const stored = await storedFrames(sandbox, rheed.data_id);
        const first = published.indexOf(stored[0] ?? '');
        assert.ok(first >= 0, 'the first frame is one of the camera’s');
        assert.deepEqual(stored, published.slice(first, first + stored.length));
        assert.ok(stored.length >= 120);
        assert.deepEqual(bench.shown('error'), []);
        assert.deepEqual(sandbox.complaints, []);
      } finally {
        camera.close();
        furnace.close();
        await bench.close();
      }
    });
  });
});
