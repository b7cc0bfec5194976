import assert from 'node:assert/strict';
import { type FileHandle, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TimeseriesStream } from '../../dist/uploader/timeseries.js';
import type { Reading } from '../../dist/uploader/types.js';
import type { Uploader } from '../../dist/uploader/uploader.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { Bench, Ears, range } from '../helpers/uploader.mts';

const OWNER = { node: 'furnace', stream: '' };
const ROWS = 4;
const TABLE = { t: { timestamps: [1, 2], values: [1, 2] } };
const readings = (from: number, to: number): Reading[] =>
  range(from, to).map((i) => ({ channel: 't', time: 1000 + i, value: i }));

describe('a message of readings on a disk that fails', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox;
  let uploader: Uploader;
  let stream: TimeseriesStream;
  let heal: () => void;

  beforeEach(async () => {
    bench = await Bench.make();
    sandbox = await startSandbox();
    uploader = await bench.acquire({ endpoint: sandbox.url });
    stream = await uploader.startTimeseries(OWNER, { flushInterval: 0, pointsPerChunk: ROWS }, {});
    heal = () => undefined;
  });

  afterEach(async () => {
    heal();
    await bench.end();
    await sandbox.close();
  });

  /** From the k-th call on, a file operation fails as on a full disk. */
  async function failFrom(operation: 'write' | 'sync' | 'datasync', k: number): Promise<void> {
    const probe = await open('/dev/null');
    const proto = Object.getPrototypeOf(probe) as Record<string, (...args: unknown[]) => Promise<unknown>>;
    await probe.close();
    const real = proto[operation] as (...args: unknown[]) => Promise<unknown>;
    let calls = 0;
    proto[operation] = function (this: FileHandle, ...args) {
      calls += 1;
      if (calls < k) return real.apply(this, args);
      return Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    };
    heal = () => {
      proto[operation] = real;
    };
  }

  async function stored(of = stream): Promise<(number | null)[] | undefined> {
    const ears = new Ears(of);
    await of.finalize();
    const { data_id, report } = await ears.stream('finalized');
    assert.deepEqual([report?.lost, sandbox.complaints], [[], []]);
    const points = await sandbox.readPoints(data_id as string);
    assert.equal(report?.points, points.t?.values.length);
    return points.t?.values;
  }

  for (const operation of ['write', 'sync', 'datasync'] as const) {
    for (const k of range(1, 10)) {
      it(`refuses it whole: ${operation} ${k} fails`, async () => {
        await stream.push(readings(0, 3));
        await failFrom(operation, k);
        const refusal = await stream.push(readings(3, 14)).catch((error: { code: string }) => error.code);
        heal();
        assert.ok(refusal === undefined || refusal === 'ERR_SPOOL_FULL', String(refusal));
        if (refusal !== undefined) await stream.push(readings(3, 14));
        await stream.push(readings(14, 16));
        assert.deepEqual(await stored(), range(0, 16));
      });
    }
  }

  it('keeps those before it, and leaves nothing of it after a restart', async () => {
    await stream.push(readings(0, 3));
    // Held by the first, the others wait and are written together.
    const results = Promise.allSettled([
      stream.push(readings(3, 4)),
      stream.push(readings(4, 5)),
      stream.push(readings(5, 30)),
      stream.push(readings(90, 91)),
    ]);
    await failFrom('write', 12);
    const states = (await results).map(({ status }) => status);
    heal();
    assert.deepEqual(states, ['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    await bench.release(uploader);
    uploader = await bench.acquire({ endpoint: sandbox.url });
    const [found] = uploader.attach(OWNER.node, 'timeseries', {}) as TimeseriesStream[];
    assert.ok(found);
    assert.deepEqual(await stored(found), range(0, 5));
  });

  for (const [when, isBegun] of [
    ['a restart at the end of a chunk', true],
    ['a crash between sealing a chunk and beginning the next', false],
  ] as const) {
    it(`finds held values again after ${when}`, async () => {
      sandbox.faults.set('down');
      await stream.push([{ channel: 'slow', time: 1000, value: 7, units: 'mbar' }, ...readings(0, ROWS)]);
      await bench.release(uploader);
      if (!isBegun) await unlink(join(stream.folder, '000001.open'));
      sandbox.faults.clear();
      uploader = await bench.acquire({ endpoint: sandbox.url });
      const [found] = uploader.attach(OWNER.node, 'timeseries', {}) as TimeseriesStream[];
      assert.ok(found);
      await found.push(readings(ROWS, ROWS + 2));
      const ears = new Ears(found);
      await found.finalize();
      const { data_id } = await ears.stream('finalized');
      const { slow } = await sandbox.readPoints(data_id as string);
      assert.deepEqual(slow?.values, Array(ROWS + 2).fill(7));
      assert.equal(slow?.units, 'mbar');
    });
  }

  it('a table of the library: refused it leaves nothing', async () => {
    await failFrom('sync', 2);
    await assert.rejects(stream.pushTable(0, TABLE, true), { code: 'ERR_SPOOL_FULL' });
    heal();
    assert.ok(!(await readdir(stream.folder)).includes('000000.open'));
    await stream.pushTable(0, TABLE, true);
    assert.deepEqual(await stored(), [1, 2]);
  });

  it('a table of the library: whole, and only its name not the sealed one, it is sent after the restart', async () => {
    sandbox.faults.set('down');
    await stream.pushTable(0, TABLE, true);
    await bench.release(uploader);
    await rename(join(stream.folder, '000000.rows'), join(stream.folder, '000000.open'));
    await rm(join(stream.folder, '000000.json'));
    sandbox.faults.clear();
    uploader = await bench.acquire({ endpoint: sandbox.url });
    const [found] = uploader.attach(OWNER.node, 'timeseries', {}) as TimeseriesStream[];
    assert.ok(found);
    assert.deepEqual(await stored(found), [1, 2]);
  });
});
