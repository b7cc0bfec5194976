import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodesBench, RHEED } from '../helpers/nodes-bench.mts';
import { python } from '../helpers/python.mts';

/** Real frames lie beside the project where they may be read; they are no part of it. */
const FRAMES = join(import.meta.dirname, '..', '..', '..', 'shared', 'frames');
const RAW = join(FRAMES, 'Si_111_7x7_112_phi_00.raw');
const [HEIGHT, WIDTH] = [1038, 1388];

describe('real frames through rheed-stream', function () {
  this.timeout(120_000);
  let interpreter: string;
  let bench: NodesBench | undefined;

  before(async function () {
    this.timeout(600_000);
    if (!existsSync(FRAMES)) this.skip();
    const found = await python();
    if ('skip' in found) this.skip();
    else interpreter = found.path;
  });

  afterEach(async () => {
    await bench?.close();
    bench = undefined;
  });

  const oracle = (...args: (string | number)[]): Buffer =>
    execFileSync(interpreter, [join(import.meta.dirname, 'oracle.py'), ...args.map(String)], {
      maxBuffer: 2 ** 30,
    });

  async function stored(
    messages: Record<string, unknown>[],
    rheed: Record<string, unknown>,
  ): Promise<Buffer> {
    bench = await NodesBench.open({ rheed: { fps: 10, ...rheed } });
    for (const msg of messages) assert.equal((await bench.red.send(RHEED, msg)).error, undefined);
    await bench.red.send(RHEED, { action: 'finalize' });
    const { data_id } = await bench.until('rheed:1', 'finalized');
    return bench.stored(data_id);
  }

  it('BMP images arrive as Pillow decodes them', async () => {
    const files = Array.from({ length: 6 }, (_, i) => join(FRAMES, `dep_0${i}.bmp`));
    const messages = await Promise.all(files.map(async (file) => ({ payload: await readFile(file) })));
    const pixels = await stored(messages, { width: '', height: '' });
    assert.ok(pixels.equals(oracle('images', ...files)), 'other pixels than Pillow');
  });

  for (const [depth, ...window] of [['full-scale'], ['frame-max'], ['window', 500, 40_000]] as const) {
    it(`16-bit frames arrive as numpy computes ${depth}`, async () => {
      const [low, high] = window;
      const settings = { format: 'mono16', byteOrder: 'big', width: WIDTH, height: HEIGHT, depth, low, high };
      const pixels = await stored([{ payload: await readFile(RAW) }], settings);
      assert.ok(
        pixels.equals(oracle('raw', RAW, HEIGHT, WIDTH, depth, ...window)),
        'other pixels than numpy',
      );
    });
  }
});
