import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../../dist/uploader/types.js';
import { framesIn, HEIGHT, hashedFrame, hashedReading, readingsIn, WIDTH } from '../helpers/hashed.mts';
import { type NodesBench, openerOfShared, RHEED, SERIES } from '../helpers/nodes-bench.mts';
import { SmallDisk } from '../helpers/small-disk.mts';

const MB = 2 ** 20;
const MESSAGES: Record<string, (number: number) => Record<string, unknown>> = {
  [RHEED]: (number) => ({ payload: hashedFrame(0, number) }),
  [SERIES]: hashedReading,
};

interface Sent {
  readonly accepted: number[];
  /** The number after the last one sent. */
  next: number;
  /** Of the refusals. */
  readonly codes: unknown[];
}

const rheed = { width: WIDTH, height: HEIGHT, chunkSize: 20 };
const series = { pointsPerChunk: 20 };

describe('a spool on a full disk', function () {
  this.timeout(60_000);
  let disk: SmallDisk;
  let bench: NodesBench;
  const openBench = openerOfShared();

  before(async function () {
    const mounted = await SmallDisk.mount(8 * MB);
    if (mounted === undefined) return this.skip();
    disk = mounted;
  });

  afterEach(async () => {
    await bench?.rest();
    await disk.unmount();
    await disk.mount();
  });

  after(() => disk?.remove());

  async function open(account: Record<string, unknown>): Promise<void> {
    bench = await openBench({ account: { spoolDir: disk.path, ...account }, rheed, series });
  }

  /** A stream that the service knows; it answers nothing more. */
  async function begin(node: string, account: Record<string, unknown>): Promise<void> {
    await open(account);
    await bench.red.send(node, { action: 'start' });
    await bench.until(node === RHEED ? 'rheed:1' : 'series:1', 'opened');
    bench.sandbox.faults.set('hold');
  }

  /** Sends messages from number `from` on until `count` were sent or `refusals` refused. */
  async function send(node: string, { from = 0, count = 5000, refusals = 1 }): Promise<Sent> {
    const accepted: number[] = [];
    const codes: unknown[] = [];
    let next = from;
    for (; next < from + count && codes.length < refusals; next += 1) {
      const { error } = await bench.red.send(node, MESSAGES[node]?.(next) ?? {});
      if (error) codes.push(error.code);
      else accepted.push(next);
    }
    return { accepted, next, codes };
  }

  /** Sends until a message is accepted (`full` false) or refused (true): the disk is looked at once a second. */
  async function sendUntil(node: string, full: boolean, from: number): Promise<Sent> {
    const all: Sent = { accepted: [], next: from, codes: [] };
    for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50)) {
      const { accepted, next, codes } = await send(node, { from: all.next, count: 1 });
      all.accepted.push(...accepted);
      all.codes.push(...codes);
      all.next = next;
      if (codes.length === (full ? 1 : 0)) return all;
    }
    throw new Error(`waited 20 s for a message to be ${full ? 'refused' : 'accepted'}`);
  }

  /** Ends the stream; the numbers that the service has, and the report. */
  async function end(node: string): Promise<{ numbers: number[]; report: Report }> {
    bench.sandbox.faults.clear();
    // As a person would who is told that there is no room for it: again, when what is delivered has made some.
    for (let tries = 0; tries < 100; tries += 1) {
      const { error } = await bench.red.send(node, { action: 'finalize' });
      if (!error) break;
      assert.equal(error.code, 'ERR_SPOOL_FULL');
      await sleep(100);
    }
    const { report, data_id } = await bench.until(node === RHEED ? 'rheed:1' : 'series:1', 'finalized');
    const id = String(data_id);
    const numbers: number[] = [];
    if (node === SERIES) numbers.push(...readingsIn(await bench.sandbox.readPoints(id)));
    else
      for (const { index } of bench.sandbox.stream(id)?.chunks ?? [])
        numbers.push(...framesIn(0, await bench.sandbox.readFrames(id, index)));
    return { numbers, report: report as Report };
  }

  const allOf = (...sent: Sent[]): number[] => sent.flatMap(({ accepted }) => accepted);

  for (const node of [RHEED, SERIES]) {
    it(`${node}: each message is refused when not a byte is left; goes on when there is room`, async () => {
      await begin(node, {});
      const first = await send(node, { count: 50 });
      await disk.fill(32 * 1024);
      const full = await send(node, { from: first.next, refusals: 10 });
      assert.deepEqual(full.codes, Array(10).fill('ERR_SPOOL_FULL'));
      await bench.red.waitFor(() => bench.codes().length === 10, 'Catch to see all');
      await disk.free();
      const later = await send(node, { from: full.next, count: 50 });
      assert.deepEqual(later.codes, []);
      assert.deepEqual((await end(node)).numbers, allOf(first, full, later));
    });

    it(`${node}: a full disk leaves nothing of streams that could not begin`, async () => {
      await open({});
      await disk.fill(0);
      const full = await send(node, { count: 20, refusals: 20 });
      assert.deepEqual(full.codes, Array(20).fill('ERR_SPOOL_FULL'));
      assert.deepEqual((await readdir(path.join(disk.path, 'account'))).sort(), ['lock', 'owner.json']);
      await disk.free();
      const later = await send(node, { from: full.next, count: 30 });
      assert.deepEqual((await end(node)).numbers, allOf(later));
    });

    it(`${node}: after a restart on a full disk what waits is delivered and makes room`, async () => {
      await begin(node, {});
      const first = await send(node, { count: 50 });
      await disk.fill(0);
      bench.sandbox.faults.clear();
      await bench.killAndRestart();
      const later = await sendUntil(node, false, first.next);
      await disk.free();
      assert.deepEqual((await end(node)).numbers, allOf(first, later));
    });

    it(`${node}: spoolMinFreeBytes refuses while the disk is short, and no longer`, async () => {
      await begin(node, { spoolMinFreeBytes: MB });
      const first = await send(node, { count: 50 });
      await disk.fill(MB / 2);
      const full = await sendUntil(node, true, first.next);
      assert.deepEqual(full.codes, ['ERR_SPOOL_FULL']);
      await disk.free();
      const later = await sendUntil(node, false, full.next);
      assert.deepEqual((await end(node)).numbers, allOf(first, full, later));
    });

    it(`${node}: spoolMaxBytes refuses until chunks are delivered`, async () => {
      await begin(node, { spoolMaxBytes: 50_000 });
      const first = await send(node, { refusals: 3 });
      assert.deepEqual(first.codes, Array(3).fill('ERR_SPOOL_FULL'));
      bench.sandbox.faults.clear();
      const later = await sendUntil(node, false, first.next);
      assert.deepEqual((await end(node)).numbers, allOf(first, later));
    });

    for (const [name, account, shortage] of [
      ['spoolMaxBytes', { spoolMaxBytes: 50_000 }, undefined],
      ['spoolMinFreeBytes', { spoolMinFreeBytes: MB }, MB + 100_000],
      ['not a byte left', {}, 150_000],
    ] as const) {
      it(`${node}: drop-oldest, ${name}: the newest is kept, what was dropped is counted`, async () => {
        await begin(node, { whenFull: 'drop-oldest', ...account });
        if (shortage !== undefined) await disk.fill(shortage);
        const sent = await send(node, { count: 200, refusals: 200 });
        // The disk is looked at once a second.
        for (let pause = 0; pause < 2; pause += 1) {
          await sleep(1100);
          const more = await send(node, { from: sent.next, count: 200, refusals: 200 });
          sent.accepted.push(...more.accepted);
          sent.codes.push(...more.codes);
          sent.next = more.next;
        }
        const { numbers, report } = await end(node);
        const kept = new Set(numbers);
        assert.ok(report.chunks_dropped > 0, 'chunks were dropped');
        assert.deepEqual(
          numbers,
          allOf(sent).filter((number) => kept.has(number)),
        );
        assert.equal(numbers.at(-1), sent.accepted.at(-1));
      });
    }
  }
});
