import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import checkedJson from '../../dist/uploader/spool/checked-json.js';
import { type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { Bench, Ears, freePort, numbersIn, pushAll, RHEED_SETTINGS, range } from '../helpers/uploader.mts';

const OWNER = { node: 'camera', stream: '' };

describe('recovery at start', function () {
  this.timeout(60_000);
  let bench: Bench;
  let sandbox: Sandbox | undefined;
  let folder: string;
  let endpoint: string;
  let port: number;

  /** Three sealed chunks and ten frames of an open one, spooled while the server was down. */
  beforeEach(async () => {
    bench = await Bench.make();
    port = await freePort();
    endpoint = `http://127.0.0.1:${port}`;
    const uploader = await bench.acquire({ endpoint });
    const stream = await uploader.startRheed(OWNER, RHEED_SETTINGS, {});
    await pushAll(stream, 0, 70);
    folder = stream.folder;
    await bench.release(uploader);
  });

  afterEach(async () => {
    await bench.end();
    await sandbox?.close();
    sandbox = undefined;
  });

  /** Starts again with the server up; resolves when all that can be delivered was. */
  async function deliver() {
    sandbox = await startSandbox({ port });
    const uploader = await bench.acquire({ endpoint });
    const [stream] = uploader.attach(OWNER.node, 'rheed', {});
    assert.ok(stream, 'the stream was not found');
    const ears = new Ears(stream);
    await stream.finalize();
    const { report, data_id } = await ears.stream('finalized');
    const numbers: number[] = [];
    for (const { index } of sandbox.stream(data_id as string)?.chunks ?? []) {
      numbers.push(...numbersIn(await sandbox.readFrames(data_id as string, index)));
    }
    return { report, numbers, problems: ears.problems.map(({ message }) => message) };
  }

  it('finds everything as it was left', async () => {
    const { numbers, report, problems } = await deliver();
    assert.deepEqual(numbers, range(0, 70));
    assert.deepEqual([report?.frames, report?.chunks_quarantined, problems], [70, 0, []]);
  });

  it('ends a stream only when its node can hear it', async () => {
    sandbox = await startSandbox({ port });
    let uploader = await bench.acquire({ endpoint });
    const ending = await uploader.startRheed({ node: 'ending', stream: '' }, RHEED_SETTINGS, {});
    await new Ears(ending).stream('opened');
    sandbox.faults.set('down');
    await ending.finalize();
    const others = range(0, 20).map((i) =>
      uploader.startRheed({ node: `other ${i}`, stream: '' }, RHEED_SETTINGS, {}),
    );
    for (const other of others) await pushAll(await other, 0, 5);
    await bench.release(uploader);
    sandbox.faults.clear();
    uploader = await bench.acquire({ endpoint });
    const [found] = uploader.attach('ending', 'rheed', {});
    assert.ok(found, 'it has ended unheard');
    await new Ears(found).stream('finalized');
  });

  it('wonders about a stream that was being created only if it may have been', async () => {
    const warnings: string[] = [];
    const logger = { error() {}, warn: (text: string) => warnings.push(text), info() {}, debug() {} };
    const again = await bench.acquire({ endpoint, logger });
    const [stream] = again.attach(OWNER.node, 'rheed', {});
    assert.ok(stream);
    await new Ears(stream).status('waiting');
    await bench.release(again);
    assert.ok(!warnings.some((text) => text.includes('being created')), warnings.join('\n'));

    const path = join(folder, 'stream.json');
    const record = checkedJson.decodeChecked(await readFile(path, 'utf8')) as { generations: object[] };
    const [generation] = record.generations;
    const creating = { ...record, generations: [{ ...generation, opening: 'creating' }] };
    await writeFile(path, checkedJson.encodeChecked(creating));
    const killed = await bench.acquire({ endpoint, logger });
    await new Ears(killed.attach(OWNER.node, 'rheed', {})[0] as typeof stream).status('waiting');
    assert.ok(
      warnings.some((text) => text.includes('being created')),
      warnings.join('\n'),
    );
  });

  it('sends nothing again that the record says was delivered', async () => {
    const path = join(folder, 'stream.json');
    const record = checkedJson.decodeChecked(await readFile(path, 'utf8')) as object;
    await writeFile(path, checkedJson.encodeChecked({ ...record, acknowledged: [0] }));
    assert.deepEqual((await deliver()).numbers, range(20, 70));
  });

  const damages: [string, (file: (ending: string) => string) => Promise<void>][] = [
    ['a shard that was cut', (file) => truncate(file('shard'), 100)],
    [
      'a shard with a changed byte',
      async (file) => {
        const bytes = await readFile(file('shard'));
        bytes.writeUInt8((bytes.readUInt8(200) + 1) & 0xff, 200);
        await writeFile(file('shard'), bytes);
      },
    ],
    ['a sidecar with a changed byte', (file) => changeText(file('json'), '"frames":20', '"frames":21')],
    ['a sidecar that is empty', (file) => truncate(file('json'), 0)],
  ];
  for (const [what, damage] of damages) {
    it(`puts ${what} into quarantine, counted and told once; the rest arrives`, async () => {
      await damage((ending) => join(folder, `000001.${ending}`));
      const { numbers, report, problems } = await deliver();
      assert.deepEqual(numbers, [...range(0, 20), ...range(40, 70)]);
      assert.deepEqual([report?.chunks_quarantined, report?.lost.map(([index]) => index)], [1, [1]]);
      assert.equal(problems.length, 1);
      const kept = await readdir(join(folder, 'quarantine'));
      assert.ok(kept.includes('000001.shard') && kept.includes('000001.reason.json'), kept.join(' '));
    });
  }

  it('delivers by the record before it when stream.json is damaged, tells it once, and ends the stream', async () => {
    const path = join(folder, 'stream.json');
    await truncate(path, 100);
    sandbox = await startSandbox({ port });
    const uploader = await bench.acquire({ endpoint });
    const [stream] = uploader.attach(OWNER.node, 'rheed', {});
    assert.ok(stream, 'the stream was not found');
    assert.ok(!stream.open, 'it takes more data, under numbers that may have been used');
    const ears = new Ears(stream);
    const { report, data_id } = await ears.stream('finalized');
    assert.deepEqual([report?.frames, report?.chunks_uploaded, report?.lost], [70, 4, []]);
    assert.equal(sandbox.stream(data_id as string)?.frames, 70);
    assert.deepEqual(
      ears.problems.map(({ message }) => /stream\.json: damaged \(checksum\)/.test(message)),
      [true],
    );
  });

  it('leaves a stream alone, and names it, when stream.json and the one before it are damaged', async () => {
    for (const name of ['stream.json', 'stream.json.old']) await truncate(join(folder, name), 100);
    const before = await readdir(folder);
    const errors: string[] = [];
    const logger = { error: (text: string) => errors.push(text), warn() {}, info() {}, debug() {} };
    await bench.acquire({ endpoint, logger });
    assert.match(errors.join(), /stream\.json: damaged/);
    assert.deepEqual(await readdir(folder), before);
  });

  it('leaves chunks alone, and names them, whose stream.json is gone', async () => {
    for (const name of ['stream.json', 'stream.json.old']) await rm(join(folder, name));
    const before = await readdir(folder);
    const errors: string[] = [];
    const logger = { error: (text: string) => errors.push(text), warn() {}, info() {}, debug() {} };
    await bench.acquire({ endpoint, logger });
    assert.match(errors.join(), /expected stream\.json beside the chunks/);
    assert.deepEqual(await readdir(folder), before);
  });

  it('cuts off what was being written when the process ended, and raises no alarm for it', async () => {
    // Only a stream closed in good order says how long its journal was.
    const path = join(folder, 'stream.json');
    const { left, ...record } = checkedJson.decodeChecked(await readFile(path, 'utf8')) as { left: object };
    assert.ok(left);
    await writeFile(path, checkedJson.encodeChecked(record));
    for (const [ending, bytes] of [
      ['part', 200],
      ['open', 20],
    ] as const)
      await appendFile(join(folder, `000003.${ending}`), Buffer.alloc(bytes, 7));
    const { numbers, report, problems } = await deliver();
    assert.deepEqual(numbers, range(0, 70));
    assert.deepEqual([report?.chunks_quarantined, problems], [0, []]);
  });

  it('leaves a folder of a newer version alone, and names it', async () => {
    const path = join(folder, 'stream.json');
    const record = checkedJson.decodeChecked(await readFile(path, 'utf8')) as object;
    await writeFile(path, checkedJson.encodeChecked({ ...record, version: 99 }));
    const before = await readdir(folder);
    const errors: string[] = [];
    const logger = { error: (text: string) => errors.push(text), warn() {}, info() {}, debug() {} };
    const uploader = await bench.acquire({ endpoint, logger });
    assert.deepEqual(uploader.attach(OWNER.node, 'rheed', {}), []);
    assert.match(errors.join(), /newer version/);
    assert.deepEqual(await readdir(folder), before);
  });
});

async function changeText(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  assert.ok(text.includes(from));
  await writeFile(path, text.replace(from, to));
}
