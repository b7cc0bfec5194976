import { createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import type { Publish } from './camera-feed.mts';

/** An MQTT broker in this process. */
export interface Broker {
  readonly port: number;
  /** Publishes without a connection; resolves when every subscriber's socket took it. */
  readonly publish: Publish;
  /** What clients have subscribed to so far. */
  readonly subscriptions: ReadonlySet<string>;
  /** Text messages that clients send to one topic. */
  onText(topic: string, listener: (text: string) => void): void;
  close(): Promise<void>;
}

/** Starts a broker on 127.0.0.1; port 0 = any. Rejects with the socket's error, EADDRINUSE among them. */
export async function startBroker(port: number): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  try {
    await listen(server, port);
  } catch (error) {
    await new Promise<void>((done) => aedes.close(done));
    throw error;
  }
  const subscriptions = new Set<string>();
  aedes.on('subscribe', (all) => {
    for (const { topic } of all) subscriptions.add(topic);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    publish: (topic, payload) =>
      new Promise((done, failed) => {
        aedes.publish(
          { cmd: 'publish', topic, payload: bytes(payload), qos: 0, retain: false, dup: false },
          (error) => (error ? failed(error) : done()),
        );
      }),
    subscriptions,
    onText(topic, listener) {
      aedes.on('publish', (packet, client) => {
        if (client !== null && packet.topic === topic) {
          listener(packet.payload.toString());
        }
      });
    },
    async close() {
      await new Promise<void>((done) => aedes.close(done));
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', failed);
      done();
    });
  });
}

function bytes(payload: Uint8Array | string): Buffer {
  return typeof payload === 'string'
    ? Buffer.from(payload)
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
