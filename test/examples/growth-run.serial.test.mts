/** The whole growth run: camera and chamber over MQTT, furnace over Modbus, a page for the grower. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Broker, startBroker } from '../../scripts/start/broker.mts';
import { type CameraFeed, startCamera } from '../../scripts/start/camera-feed.mts';
import { atBroker, readExample } from '../../scripts/start/flow.mts';
import { type FurnaceFeed, startFurnace } from '../../scripts/start/furnace.mts';
import { launchChromium } from '../helpers/chromium.mts';
import { ModbusFurnace } from '../helpers/modbus-furnace.mts';
import { Bench, changed, hash, storedFrames } from './helpers.mts';

const artifacts = path.resolve(import.meta.dirname, '../../artifacts');
const NAME = 'One growth run - camera, MQTT, Modbus and a dashboard';

describe(`examples: ${NAME}`, function () {
  this.timeout(180_000);
  let broker: Broker;
  let published: string[];
  let camera: CameraFeed;
  let chamber: FurnaceFeed;
  let furnace: ModbusFurnace;
  let bench: Bench | undefined;

  beforeEach(async () => {
    broker = await startBroker(0);
    published = [];
    camera = startCamera({
      fps: 30,
      publish: (topic, payload) => {
        published.push(hash(payload as Uint8Array));
        return broker.publish(topic, payload);
      },
    });
    chamber = startFurnace({ publish: broker.publish });
    furnace = await ModbusFurnace.start();
  });
  afterEach(async () => {
    camera.close();
    chamber.close();
    await bench?.close();
    bench = undefined;
    await furnace.close();
    await broker.close();
  });

  async function run(version: 4 | 5): Promise<Bench> {
    const example = atBroker(await readExample(NAME), broker.port);
    const flow = changed(
      changed(example, 'modbus-client', { tcpPort: String(furnace.port) }),
      'rheed-stream',
      { fps: '30' },
    );
    const palette = ['node-red-contrib-modbus', '@flowfuse/node-red-dashboard'];
    bench = await Bench.run(flow, { version, palette });
    const isConnected = () => broker.subscriptions.size === 3 && furnace.served.length > 0;
    await bench.until(isConnected, 'the connections to broker and furnace');
    return bench;
  }

  const stream = ({ sandbox }: Bench, part: string) =>
    sandbox
      .streams()
      .find(({ channels, kind }) =>
        part === 'RHEED' ? kind === 'rheed' : channels?.some(({ name }) => name === part),
      );

  /** Frames and all channels are arriving. */
  const untilGrowing = (growing: Bench) =>
    growing.until(
      () =>
        Number(stream(growing, 'RHEED')?.frames) >= 60 &&
        stream(growing, 'PV') !== undefined &&
        stream(growing, 'pressure')?.channels?.length === 2,
      'frames and channels',
    );

  /** All that belongs to the growth is there, under one sample, and its data_ids came as one message. */
  async function check(ended: Bench, sample: string): Promise<void> {
    await ended.until(() => ended.shown('data_ids').length > 0, 'the data_ids');
    const { sandbox } = ended;
    const parts = {
      RHEED: stream(ended, 'RHEED'),
      Furnace: stream(ended, 'PV'),
      Chamber: stream(ended, 'pressure'),
    };
    assert.equal(sandbox.streams().length, 3);
    assert.deepEqual(
      ended.shown('data_ids').map(({ payload }) => payload),
      [Object.fromEntries(Object.entries(parts).map(([name, each]) => [name, each?.data_id]))],
    );
    for (const each of Object.values(parts)) {
      assert.equal(each?.name, `Growth of ${sample}`);
      assert.equal(each?.sample?.name, sample);
      assert.deepEqual(each?.tags.map(({ name }) => name).sort(), ['demo', 'growth']);
      assert.deepEqual(each?.missing, []);
    }
    const frames = await storedFrames(sandbox, parts.RHEED?.data_id ?? '');
    const first = published.indexOf(frames[0] ?? '');
    assert.ok(first >= 0, 'the first frame is one of the camera’s');
    assert.deepEqual(frames, published.slice(first, first + frames.length));
    const { PV } = await sandbox.readPoints(parts.Furnace?.data_id ?? '');
    const served = furnace.served.map(({ pv }) => Math.round(pv * 10) * 0.1);
    assert.ok(PV?.values.length && PV.values.every((value) => value === null || served.includes(value)));
    assert.deepEqual(ended.shown('error'), []);
    assert.deepEqual(sandbox.complaints, []);
  }

  it('from a dashboard page', async function () {
    const browser = (await launchChromium()) ?? this.skip();
    try {
      const growing = await run(5);
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      await page.goto(`${growing.nodeRed.url}/api/dashboard/growth`);
      await page.getByLabel(/^Sample/).fill('GaN-042');
      await page.getByRole('button', { name: 'Start growth' }).click();
      await untilGrowing(growing);
      await page.getByText(/\d+ frames/).waitFor();
      await page
        .getByText(/\d+ points/)
        .first()
        .waitFor();
      await page.locator('canvas').waitFor();
      await mkdir(artifacts, { recursive: true });
      await page.screenshot({ path: path.join(artifacts, 'growth-dashboard.png') });
      await page.getByRole('button', { name: 'Stop growth' }).click();
      await check(growing, 'GaN-042');
      await page.getByText(/^complete, \d+ frames/).waitFor();
      await page.getByText(String(stream(growing, 'RHEED')?.data_id)).waitFor();
      await page.screenshot({ path: path.join(artifacts, 'growth-dashboard-end.png') });
      assert.deepEqual(faults, []);
    } finally {
      await browser.close();
    }
  });

  it('by messages of a recipe and a shutter, in Node-RED 4.1', async () => {
    const growing = await run(4);
    await broker.publish('growth/run', 'open');
    await untilGrowing(growing);
    await broker.publish('growth/run', 'stop');
    await check(growing, 'GaN-001');
  });
});
