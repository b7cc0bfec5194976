import assert from 'node:assert/strict';
import { FAULT_NAMES } from '../../sandbox/faults.mts';
import { startSandbox } from '../../sandbox/server.mts';
import { FAULT_OPTIONS, readingsOf, underFault } from '../helpers/fault-load.mts';
import { Bench, Ears, numbersIn, pushAll, RHEED_SETTINGS, range, until } from '../helpers/uploader.mts';

const SECONDS = 60;
const UPLOADS = 4;

describe('a camera at 120 fps for a minute while the service', () => {
  for (const name of FAULT_NAMES) {
    it(`has the fault ${name}: nothing is lost, and the backlog drains`, async () => {
      const options = FAULT_OPTIONS[name] ?? {};
      const outcome = await underFault({ name, options, seconds: SECONDS, flushInterval: 2 });
      console.log(
        `    figures: ${name}: struck ${outcome.struck} times, ${outcome.backlog} chunks waited, delivered and ended after ${outcome.drained.toFixed(1)} s`,
      );
      assert.ok(outcome.struck > 0, 'the fault struck nothing');
      assert.deepEqual(outcome.frames, range(0, SECONDS * 120));
      assert.deepEqual(outcome.readings, readingsOf(SECONDS * 120));
      for (const { lost } of outcome.reports) assert.deepEqual(lost, []);
      assert.deepEqual(outcome.complaints, []);
    });
  }
});

describe('a backlog', () => {
  const CHUNKS = 400;
  const FRAMES = CHUNKS * RHEED_SETTINGS.chunkSize;

  for (const delayMs of [50, 200]) {
    it(`drains at the speed of a link that takes ${delayMs} ms a chunk`, async () => {
      const bench = await Bench.make();
      const sandbox = await startSandbox();
      try {
        const uploader = await bench.acquire({ endpoint: sandbox.url, uploads: UPLOADS });
        const stream = await uploader.startRheed({ node: 'camera', stream: '' }, RHEED_SETTINGS, {});
        const ears = new Ears(stream);
        const { data_id } = await ears.stream('opened');
        sandbox.faults.set('down');
        await pushAll(stream, 0, FRAMES, RHEED_SETTINGS.chunkSize);
        sandbox.faults.set('slow', { match: 'PUT', delayMs });
        sandbox.faults.clear('down');
        const uploaded = () => stream.status().chunks_uploaded;
        await until(() => uploaded() > 0, 'the first chunk', 60);
        const [from, began] = [uploaded(), performance.now()];
        await until(() => uploaded() === CHUNKS, 'the last chunk', 600);
        const seconds = (performance.now() - began) / 1000;
        const link = (((CHUNKS - from) / UPLOADS) * delayMs) / 1000;
        console.log(
          `    figures: ${CHUNKS - from} chunks over a link of ${delayMs} ms: ${seconds.toFixed(1)} s, ${Math.round((100 * link) / seconds)} % of its speed`,
        );
        const numbers: number[] = [];
        for (const { index } of sandbox.stream(data_id as string)?.chunks ?? [])
          numbers.push(...numbersIn(await sandbox.readFrames(data_id as string, index)));
        assert.deepEqual(numbers, range(0, FRAMES));
      } finally {
        await bench.end();
        await sandbox.close();
      }
    });
  }
});
