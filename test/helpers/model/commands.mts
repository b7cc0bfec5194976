/** What can happen in a lab, as commands of fast-check. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { FaultName, FaultOptions } from '../../../sandbox/server.mts';
import { KINDS, type Kind, SETTINGS } from './data.mts';
import type { World } from './world.mts';

type Step = fc.AsyncCommand<object, World>;

function step(name: string, run: (world: World) => Promise<unknown>): Step {
  return {
    check: () => true,
    run: async (_model, world) => {
      await run(world);
    },
    toString: () => name,
  };
}

const FAULTS: readonly (readonly [FaultName, FaultOptions])[] = [
  ['down', {}],
  ['down', { count: 3 }],
  ['hold', { count: 2 }],
  ['hold', { match: 'PUT', count: 1 }],
  ['hold', { match: 'tool-state/stream/chunk', count: 1 }],
  ['401', {}],
  ['401', { count: 1 }],
  ['403', {}],
  ['403', { match: 'upload_urls', count: 1 }],
  ['403', { match: 'tool-state/stream/chunk', count: 1 }],
  ['403', { match: 'POST /rheed/stream/', count: 1 }],
  ['429', { count: 2, retryAfter: 1 }],
  ['500', {}],
  ['500', { count: 2 }],
  ['503', { match: '/end', count: 2 }],
  ['503', { match: 'finalize', count: 2 }],
  ['expired', { count: 2 }],
  ['s3RequestTimeout', { count: 2 }],
  ['reset-before', { count: 2 }],
  ['reset-after', { count: 2 }],
  ['reset-after', { match: 'PUT', count: 1 }],
  ['reset-after', { match: 'tool-state/stream/chunk', count: 2 }],
  ['reset-after', { match: 'stream/initialize', count: 1 }],
  ['slow', { delayMs: 150, count: 4 }],
];

const EDITS: Record<Kind, readonly object[]> = {
  rheed: [{}, { format: 'mono8' }, { chunkSize: 30 }, { tags: 'golden' }, { rotationsPerMin: 12 }],
  timeseries: [
    {},
    { flushInterval: 0 },
    { rowWindow: 5 },
    { pointsPerChunk: 5 },
    { physicalSample: 'GaN-001' },
  ],
};

/** The service gives up one of the streams that it still takes data for. */
function closeStream(world: World, which: number): void {
  const active = world.sandbox.streams().filter(({ pipeline_status }) => pipeline_status === 'stream_active');
  const chosen = active[which % active.length];
  if (chosen === undefined) return;
  world.happened.add('closed');
  world.sandbox.faults.closeStream(chosen.data_id);
}

function setFault(world: World, name: FaultName, options: FaultOptions): void {
  if (name === '403') world.happened.add('refused chunk');
  world.sandbox.faults.set(name, options);
}

/** Ends the process once or several times, at once or a little later, in its recovery too. */
async function crash(world: World, delays: readonly number[]): Promise<void> {
  let started: Promise<void> | undefined;
  for (const delay of delays) {
    await sleep(delay);
    await world.crash();
    await started;
    started = world.start();
  }
  await started;
}

const kind = fc.constantFrom(...KINDS);
const waits = fc.boolean();

const push = fc
  .tuple(kind, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 5 }), waits)
  .map(([of, count, messages, waited]) =>
    step(`push(${of}, ${messages} × ${count}${waited ? '' : ', not waited for'})`, async (world) => {
      const pushed = Array.from({ length: messages }, () => world.push(of, count));
      if (waited) await Promise.all(pushed);
    }),
  );

export const commands: fc.Arbitrary<Step>[] = [
  push,
  push,
  push,
  kind.map((of) => step(`start(${of})`, (world) => world.ask('start', { kind: of }))),
  kind.map((of) => step(`flush(${of})`, (world) => world.ask('flush', { kind: of }))),
  kind.map((of) => step(`finalize(${of})`, (world) => world.ask('finalize', { kind: of }))),
  fc.constant(step('restart()', (world) => world.restart())),
  fc
    .array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 3 })
    .map((delays) => step(`crash(after ${delays.join(', ')} ms)`, (world) => crash(world, delays))),
  fc
    .constantFrom(...FAULTS)
    .map(([name, options]) =>
      step(`fault(${name} ${JSON.stringify(options)})`, async (world) => setFault(world, name, options)),
    ),
  fc
    .constantFrom(...FAULTS)
    .map(([name, options]) =>
      step(`fault(${name} ${JSON.stringify(options)})`, async (world) => setFault(world, name, options)),
    ),
  fc.constant(step('faults off', async (world) => world.sandbox.faults.clear())),
  fc.constantFrom('right', 'wrong').map((key) =>
    step(`key(${key})`, async (world) => {
      world.key = key;
      await world.restart();
    }),
  ),
  kind
    .chain((of) => fc.tuple(fc.constant(of), fc.constantFrom(...EDITS[of]), fc.boolean()))
    .map(([of, edit, removed]) =>
      step(`deploy(${of}, ${JSON.stringify(edit)}${removed ? ', removed before' : ''})`, (world) =>
        world.deploy(of, { ...SETTINGS[of], ...edit }, removed),
      ),
    ),
  fc
    .integer({ min: 0, max: 3 })
    .map((which) => step(`closeStream(${which})`, async (world) => closeStream(world, which))),
  fc.integer({ min: 10, max: 200 }).map((ms) => step(`wait(${ms} ms)`, () => sleep(ms))),
];
