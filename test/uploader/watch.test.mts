import assert from 'node:assert/strict';
import watchModule from '../../dist/uploader/watch.js';
import type { Sandbox } from '../../sandbox/server.mts';
import { type Bench, batch, Ears, freshEach, RHEED_SETTINGS, until } from '../helpers/uploader.mts';

const OWNER = { node: 'camera', stream: '' };

describe('a stream without data', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox;

  freshEach((fresh) => {
    ({ bench, sandbox } = fresh);
  });

  it('is told to be silent once, until data comes again', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    const ears = new Ears(stream);
    await stream.push(batch(0, 5));
    await ears.status('silent');
    assert.equal(stream.health().phase, 'silent');
    await stream.push(batch(5, 5));
    assert.equal(stream.health().phase, 'streaming');
    assert.equal(ears.statuses.filter(({ event }) => event === 'silent').length, 1);
  });

  it('is finalized after idleTimeout', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, { ...RHEED_SETTINGS, idleTimeout: 1 }, {});
    const ears = new Ears(stream);
    await stream.push(batch(0, 5));
    const { report } = await ears.stream('finalized');
    assert.equal(report?.frames, 5);
  });

  it('whose node was removed is delivered, and goes on when the node returns', async () => {
    const uploader = await bench.acquire({ endpoint: sandbox.url });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    await stream.push(batch(0, 20));
    await uploader.detach(OWNER.node, true);
    await until(() => stream.status().chunks_uploaded === 1, 'its chunk');
    assert.deepEqual(uploader.attach(OWNER.node, 'rheed', {}), [stream]);
    await stream.push(batch(20, 5));
    assert.equal(stream.open, true);
  });
});

describe('the watch', () => {
  it('is patient for max(5 s, 10/fps), and for ten of a slow sensor’s own intervals', () => {
    const now = performance.now();
    assert.equal(new watchModule.Watch().tick(now + 4_900, 30), false);
    assert.equal(new watchModule.Watch().tick(now + 5_500, 30), true);
    assert.equal(new watchModule.Watch().tick(now + 19_000, 0.5), false);
    assert.equal(new watchModule.Watch().tick(now + 21_000, 0.5), true);
  });
});
