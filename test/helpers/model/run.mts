/** Many labs at once: they mostly wait. */
import fc from 'fast-check';
import { type Sandbox, startSandbox } from '../../../sandbox/server.mts';
import { commands } from './commands.mts';
import { Processes } from './process.mts';
import { verify } from './verdict.mts';
import { RIGHT_KEY, World } from './world.mts';

const LABS = 6;
const MAX_COMMANDS = 14;

interface Limits {
  readonly runs: number;
  /** No life begins after this. */
  readonly seconds: number;
}

/**
 * Runs random lives of a lab; `MODEL_SEED` and `MODEL_PATH` of a failure's message run exactly that one again.
 *
 * @returns how many lives there were
 */
export async function runModel(limits: Limits): Promise<number> {
  const { MODEL_SEED, MODEL_PATH } = process.env;
  if (MODEL_SEED !== undefined) return runLab(Number(MODEL_SEED), limits, MODEL_PATH);
  const seed = Math.trunc(Math.random() * 2 ** 30);
  const runs = Math.ceil(limits.runs / LABS);
  const labs = Array.from({ length: LABS }, (_, lab) => runLab(seed + lab, { ...limits, runs }));
  await Promise.allSettled(labs);
  return (await Promise.all(labs)).reduce((sum, done) => sum + done, 0);
}

async function runLab(seed: number, { runs, seconds }: Limits, path?: string): Promise<number> {
  const sandbox = await startSandbox({ apiKey: RIGHT_KEY });
  const processes = new Processes();
  const end = performance.now() + seconds * 1000;
  let done = 0;
  try {
    const lives = fc.commands(commands, { maxCommands: MAX_COMMANDS, size: 'max' });
    const property = fc.asyncProperty(lives, async (life) => {
      if (performance.now() > end) return;
      await live(sandbox, processes, life);
      done += 1;
    });
    const details = await fc.check(property, {
      seed,
      numRuns: path === undefined ? runs : 1,
      endOnFailure: true,
      ...(path === undefined ? {} : { path }),
    });
    if (!details.failed) return done;
    const replay = `MODEL_SEED=${seed} MODEL_PATH=${details.counterexamplePath} npm test -- model.test`;
    // In the message itself: mocha in parallel hands no cause on.
    const { message, stack } = details.errorInstance as Error;
    throw new Error(`${message}\nafter ${details.counterexample}\nonce more: ${replay}\n${stack}`);
  } finally {
    await processes.end();
    await sandbox.close();
  }
}

async function live(
  sandbox: Sandbox,
  processes: Processes,
  life: Iterable<fc.AsyncCommand<object, World>>,
): Promise<void> {
  const world = await World.make(sandbox, processes);
  try {
    await fc.asyncModelRun(() => ({ model: {}, real: world }), life);
    await world.settle();
    await verify(world);
  } finally {
    await world.end();
  }
}
