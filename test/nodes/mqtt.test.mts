import assert from 'node:assert/strict';
import { type Broker, startBroker } from '../../scripts/start/broker.mts';
import type { FlowNode } from '../helpers/node-red.mts';
import { NodesBench, SERIES } from '../helpers/nodes-bench.mts';

/** What `mqtt in` makes of a payload. */
type Output = 'auto-detect' | 'utf8' | 'json' | 'buffer';

const subscription = (topic: string, datatype: Output): FlowNode => ({
  ...{ id: `in-${datatype}-${topic}`, type: 'mqtt in', z: 'tab', broker: 'broker' },
  ...{ topic, datatype, qos: '0', wires: [[SERIES]] },
});

describe('readings by mqtt in', function () {
  this.timeout(60_000);
  let broker: Broker;
  let bench: NodesBench;

  beforeEach(async () => {
    broker = await startBroker(0);
  });
  afterEach(async () => {
    await bench?.close();
    await broker.close();
  });

  async function open(channels: object[], subscriptions: FlowNode[]): Promise<void> {
    const config = { id: 'broker', type: 'mqtt-broker', broker: '127.0.0.1', port: String(broker.port) };
    bench = await NodesBench.open({
      series: { channels, fill: 'gap', rowWindow: '0', pointsPerChunk: '100' },
      others: [
        { ...config, clientid: '', autoConnect: true, keepalive: '60', protocolVersion: '4' },
        ...subscriptions,
      ],
    });
    await bench.red.waitFor(() => broker.subscriptions.size >= subscriptions.length, 'the subscriptions');
  }

  /** Publishes in order, and waits for `points` readings. */
  async function publish(messages: [topic: string, payload: Uint8Array | string][], points: number) {
    for (const [topic, payload] of messages) await broker.publish(topic, payload);
    for (let asked = 1; ; asked += 1) {
      await bench.red.send(SERIES, { action: 'status' });
      const { payload } = await bench.until('series:2', 'status', asked);
      if (Number((payload as { points?: number }).points) >= points) break;
    }
    await bench.red.send(SERIES, { action: 'finalize' });
    const { data_id } = await bench.until('series:1', 'finalized');
    assert.deepEqual(bench.codes(), []);
    const stored = await bench.sandbox.readPoints(String(data_id));
    return Object.fromEntries(
      Object.entries(stored).map(([name, { values }]) => [name, values.filter((value) => value !== null)]),
    );
  }

  it('come as numbers, text and objects', async () => {
    await open(
      [],
      [
        subscription('lab/text/T', 'utf8'),
        subscription('lab/auto/p', 'auto-detect'),
        subscription('lab/auto/both', 'auto-detect'),
        subscription('lab/json/both', 'json'),
      ],
    );
    const found = await publish(
      [
        ['lab/text/T', '650.5'],
        ['lab/auto/p', '2.5e-10'],
        ['lab/auto/both', '{"flow": 12.5, "power": 300}'],
        ['lab/json/both', '{"flow": 13.5, "power": "301"}'],
      ],
      6,
    );
    assert.deepEqual(found, { T: [650.5], p: [2.5e-10], flow: [12.5, 13.5], power: [300, 301] });
  });

  it('come through the channel table nested, as text in a Buffer, and as bytes', async () => {
    const channels = [
      { source: 'payload.zones[1].pv', channel: 'zone 2', scale: '0.1' },
      { source: 'topic = "lab/gauge" ? payload', sourceType: 'jsonata', channel: 'p', invalid: '0' },
      {
        source: 'topic = "lab/bytes" ? payload',
        sourceType: 'jsonata',
        channel: 'raw',
        type: 'float32',
        order: 'DCBA',
      },
    ];
    await open(channels, [
      subscription('lab/furnace', 'json'),
      subscription('lab/gauge', 'buffer'),
      subscription('lab/bytes', 'buffer'),
    ]);
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(1.5);
    const found = await publish(
      [
        ['lab/furnace', '{"zones": [{"pv": 1}, {"pv": 6505}]}'],
        ['lab/gauge', '2.5E-10\r\n'],
        ['lab/gauge', '0.00E+00\r\n'],
        ['lab/bytes', bytes],
      ],
      3,
    );
    assert.deepEqual(found, { 'zone 2': [6505 * 0.1], p: [2.5e-10], raw: [1.5] });
  });
});
