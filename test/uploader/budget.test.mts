import assert from 'node:assert/strict';
import { statfs } from 'node:fs/promises';
import { Budget, type BudgetOptions, type Droppable } from '../../dist/uploader/spool/budget.js';
import { KeptChunks } from '../../dist/uploader/spool/kept.js';
import { SmallDisk } from '../helpers/small-disk.mts';

const BLOCK = 4096;
/** With its sidecar a chunk takes two blocks. */
const CHUNK = 3000;
const NEVER = new Promise<void>(() => undefined);

describe('the budget of a spool that drops the oldest', () => {
  let disk: SmallDisk;
  let budget: Budget;
  let idle: number;
  let underWay: number[];
  let dropped: number;

  const holder: Droppable = {
    oldest: () => (idle > 0 ? 1 : undefined),
    underWay: () => underWay,
    async dropOldest() {
      idle -= 1;
      dropped += 1;
      budget.change(-CHUNK);
      await budget.frees(CHUNK, Promise.resolve());
    },
  };

  /** A spool whose disk lacks `blocks`, or that holds too many bytes. */
  async function open(blocks: number, options: Partial<BudgetOptions> = {}): Promise<void> {
    const { bavail } = await statfs(disk.path);
    const all: BudgetOptions = {
      maxBytes: Number.POSITIVE_INFINITY,
      minFreeBytes: (bavail + blocks) * BLOCK,
      whenFull: 'drop-oldest',
      ...options,
    };
    budget = new Budget(disk.path, all, new KeptChunks(disk.path, 0), () => [holder]);
    budget.change((idle + underWay.length) * CHUNK);
  }

  before(async function () {
    const mounted = await SmallDisk.mount(2 ** 20);
    if (mounted === undefined) return this.skip();
    disk = mounted;
  });

  beforeEach(() => {
    [idle, underWay, dropped] = [10, [], 0];
  });

  after(() => disk?.remove());

  it('drops as many as the disk lacks', async () => {
    await open(5);
    await budget.refresh(0);
    assert.equal(dropped, 3);
  });

  it('drops as many as are over the limit', async () => {
    await open(0, { maxBytes: 7.5 * CHUNK });
    await budget.refresh(0);
    assert.equal(dropped, 3);
  });

  it('drops them once, however many ask', async () => {
    await open(5);
    const looks = [budget.refresh(0), budget.refresh(0)];
    for (let message = 0; message < 3; message += 1) budget.admit();
    await Promise.all(looks);
    for (let message = 0; message < 3; message += 1) budget.admit();
    assert.equal(dropped, 3);
  });

  it('drops none for what is under way, by the blocks that it takes', async () => {
    underWay = Array(3).fill(100);
    await open(5);
    await budget.refresh(0);
    assert.equal(dropped, 0);
  });

  it('drops none for what is being deleted, also when the disk is looked at meanwhile', async () => {
    await open(5);
    for (let chunk = 0; chunk < 3; chunk += 1) void budget.frees(CHUNK, NEVER);
    await budget.refresh(0);
    budget.admit();
    assert.equal(dropped, 0);
  });

  it('drops none for what was deleted since the disk was looked at', async () => {
    underWay = Array(3).fill(CHUNK);
    await open(5);
    await budget.refresh(0);
    for (const bytes of underWay.splice(0)) await budget.frees(bytes, Promise.resolve());
    budget.admit();
    assert.equal(dropped, 0);
  });

  it('sees at the next look what a deletion left on the disk', async () => {
    await open(5);
    for (let chunk = 0; chunk < 3; chunk += 1) await budget.frees(CHUNK, Promise.resolve());
    await budget.refresh(0);
    assert.equal(dropped, 3);
  });
});
