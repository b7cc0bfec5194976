import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GCProfiler, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import * as v from 'valibot';
import { Sequences } from '../../dist/nodes/common/sequences.js';
import clientModule from '../../dist/uploader/api/client.js';
import rheedModule from '../../dist/uploader/api/rheed.js';
import deliveryModule from '../../dist/uploader/delivery.js';
import underWayModule from '../../dist/uploader/under-way.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void;

/** Bytes per piece of work. */
const LIMIT = 400;

const collectYoung = (): void => {
  for (let round = 0; round < 3; round += 1) gc({ type: 'minor' });
};

/** Held so that V8 lets the heap grow by as much again before it collects everything. */
const ballast: number[][] = [];
const MORE_BALLAST = 8_000_000;

/**
 * Bytes of the heap that outlive V8's young generation, per piece of work that is over. What is under way when the
 * young generation is collected becomes old; nothing that comes after it may be held by it. A collection of everything
 * would free that too, so what was measured around one counts for nothing.
 */
async function leftBehind(count: number, work: () => Promise<unknown>): Promise<number> {
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const { bytes, collections } = await measured(count, work);
    if (collections.every((kind) => kind === 'Scavenge')) return bytes / count;
    ballast.push(new Array<number>(MORE_BALLAST).fill(0.5));
  }
  return assert.fail('V8 collected everything each time');
}

async function measured(count: number, work: () => Promise<unknown>) {
  const lanes = async (each: number) => {
    const lane = async () => {
      for (let i = 0; i < each; i += 1) await work();
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
  };
  await lanes(500);
  gc({ type: 'major' });
  const first = lanes(count / 4);
  await nextTurn();
  collectYoung();
  const before = process.memoryUsage().heapUsed;
  const profiler = new GCProfiler();
  profiler.start();
  await first;
  collectYoung();
  const bytes = process.memoryUsage().heapUsed - before;
  return { bytes, collections: profiler.stop().statistics.map(({ gcType }) => gcType) };
}

/** A piece of work of some ten kilobytes that ends in another turn. */
const someWork = async (): Promise<number[]> => {
  const values = Array.from({ length: 1000 }, (_, i) => i + 0.5);
  await nextTurn();
  return values;
};

/** In a heap of its own: what arrives at a server has V8 collect everything every few hundred pieces. */
const SERVER = `
  const server = require('node:http').createServer((request, response) => {
    request.resume().on('end', () => response.end('{"answer":1}'));
  });
  server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port));
`;

describe('what is over is not kept until V8 collects everything', function () {
  this.timeout(60_000);
  let server: Worker;
  let folder: string;
  let api: InstanceType<typeof clientModule.ApiClient>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atomscale-garbage-'));
    server = new Worker(SERVER, { eval: true });
    const [port] = await once(server, 'message');
    api = new clientModule.ApiClient(`http://127.0.0.1:${port}`, 'key', 4);
  });

  after(async () => {
    ballast.length = 0;
    await api.close();
    await server.terminate();
    await rm(folder, { recursive: true, force: true });
  });

  it('by the measure used here, which finds what a Set keeps', async () => {
    const underWay = new Set<unknown>();
    const left = await leftBehind(4000, async () => {
      const work = someWork();
      underWay.add(work);
      await work;
      underWay.delete(work);
    });
    assert.ok(left > LIMIT, `${left} bytes`);
  });

  it('of work that is counted', async () => {
    const underWay = new underWayModule.UnderWay();
    const left = await leftBehind(4000, async () => {
      underWay.began();
      await someWork();
      underWay.ended();
    });
    assert.ok(left < LIMIT, `${left} bytes`);
  });

  it('of transfers', async () => {
    const waiting: (() => Promise<void>)[] = [];
    const log = { error: assert.fail, warn() {}, info() {}, debug() {} };
    const delivery = new deliveryModule.Delivery(4, log);
    delivery.add({ take: () => waiting.shift(), dueAt: () => Number.POSITIVE_INFINITY });
    const left = await leftBehind(4000, () => {
      const done = new Promise<void>((resolve) => {
        waiting.push(async () => {
          await someWork();
          resolve();
        });
      });
      delivery.wake();
      return done;
    });
    await delivery.close();
    assert.ok(left < LIMIT, `${left} bytes`);
  });

  it('of calls', async () => {
    const Answer = v.object({ answer: v.number() });
    const left = await leftBehind(4000, () => api.json('POST', '/', Answer, { body: { some: 'thing' } }));
    assert.ok(left < LIMIT, `${left} bytes`);
  });

  for (const [size, bytes] of [
    ['one piece', 140_000],
    ['several pieces', 2_400_000],
  ] as const) {
    it(`of chunks of ${size} sent`, async () => {
      const path = join(folder, `${bytes}.shard`);
      await writeFile(path, Buffer.alloc(bytes));
      const left = await leftBehind(3000, () => rheedModule.putShard(api, api.endpoint, path, bytes));
      assert.ok(left < LIMIT, `${left} bytes`);
    });
  }

  it('of steps of a stream', async () => {
    const sequences = new Sequences();
    const left = await leftBehind(4000, async () => {
      sequences.run('stream', () => undefined);
      await someWork();
    });
    assert.ok(left < LIMIT, `${left} bytes`);
  });
});
