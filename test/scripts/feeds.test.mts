import assert from 'node:assert/strict';
import mqtt from 'mqtt';
import { type Broker, startBroker } from '../../scripts/start/broker.mts';
import { RheedCamera } from '../../scripts/start/camera.mts';
import { startCamera } from '../../scripts/start/camera-feed.mts';
import { coldFurnace, startFurnace, step } from '../../scripts/start/furnace.mts';

describe('simulated instruments over MQTT', () => {
  let broker: Broker;
  let client: mqtt.MqttClient;

  beforeEach(async () => {
    broker = await startBroker(0);
    client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { reconnectPeriod: 0 });
  });

  afterEach(async () => {
    await client.endAsync();
    await broker.close();
  });

  it('the camera’s frames arrive in order, each once, as they were drawn', async () => {
    const frames: Buffer[] = [];
    await client.subscribeAsync('rheed/frames');
    const enough = new Promise<void>((done) => {
      client.on('message', (_topic, payload) => {
        frames.push(payload);
        if (frames.length === 60) done();
      });
    });
    const feed = startCamera({ publish: broker.publish, seed: 3 });
    await enough;
    feed.close();
    const camera = new RheedCamera({ width: 500, height: 300, fps: 120, seed: 3 });
    for (const [i, frame] of frames.slice(0, 60).entries()) {
      assert.ok(frame.equals(camera.frame(i, RheedCamera.atRest)), `frame ${i}`);
    }
    assert.equal(feed.counts.skipped, 0);
  });

  it('the furnace publishes every topic in its form', async () => {
    const seen = new Map<string, string>();
    await client.subscribeAsync('furnace/#');
    const all = new Promise<void>((done) => {
      client.on('message', (topic, payload) => {
        seen.set(topic, payload.toString());
        if (seen.size === 4) done();
      });
    });
    const feed = startFurnace({ publish: broker.publish });
    await all;
    feed.close();
    assert.match(seen.get('furnace/temperature') ?? '', /^\d+\.\d\d$/);
    const { pressure } = JSON.parse(seen.get('furnace/vacuum') ?? '');
    assert.ok(pressure > 1e-10 && pressure < 1e-7);
    const { power, setpoint } = JSON.parse(seen.get('furnace/heater') ?? '');
    assert.ok(power > 100 && power < 400 && setpoint >= 550);
    const { rate, shutter } = JSON.parse(seen.get('furnace/source') ?? '');
    assert.ok(rate >= 0 && rate < 1 && shutter === 'closed');
  });

  it('the broker hands on what clients say to a topic, and not its own messages', async () => {
    const heard: string[] = [];
    broker.onText('rheed/growth', (text) => heard.push(text));
    await broker.publish('rheed/growth', 'own');
    await client.publishAsync('rheed/other', 'start', { qos: 1 });
    await client.publishAsync('rheed/growth', 'start', { qos: 1 });
    assert.deepEqual(heard, ['start']);
  });

  it('the furnace reaches the growth temperature and comes back, never past its heater', () => {
    let state = coldFurnace;
    const advance = (growing: boolean, seconds: number) => {
      for (let i = 0; i < seconds * 10; i++) {
        state = step(state, growing, 0.1);
        assert.ok(state.power >= 0 && state.power <= 400);
        assert.ok(state.temperature > 540 && state.temperature < 625);
      }
      return state;
    };
    const grown = advance(true, 120);
    assert.ok(Math.abs(grown.temperature - 620) < 0.5 && grown.rate > 0.38 && grown.pressure > 2e-8);
    const rested = advance(false, 120);
    assert.ok(Math.abs(rested.temperature - 550) < 0.5 && rested.rate < 1e-6 && rested.pressure < 5e-10);
  });
});
