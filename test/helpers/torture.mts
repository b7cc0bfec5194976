/** A Node-RED under load that is killed again and again while the service fails: what it confirmed must arrive. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultName, type Sandbox, startSandbox } from '../../sandbox/server.mts';
import { arrivedIn, assertWhole, type Fate, fateOf } from './fates.mts';
import { type FlowNode, makeUserDir, NodeRed } from './node-red.mts';
import { Random } from './random.mts';
import type { TortureLoad } from './torture-extension.mts';

export interface TorturePlan {
  readonly seed: number;
  /** How often Node-RED is killed. */
  readonly kills: number;
  /** The longest life of a process under load, ms. */
  readonly life: number;
  /** What the service may suffer from meanwhile. */
  readonly faults: readonly FaultName[];
  /** How long all that waits may take to arrive in the end, ms. */
  readonly patience: number;
  readonly say?: (line: string) => void;
}

export interface TortureOutcome {
  readonly seed: number;
  readonly fates: readonly Fate[];
  readonly complaints: readonly string[];
  /** How often each thing was done. */
  readonly deeds: Readonly<Record<string, number>>;
  /** Folders of streams that did not end, and what Node-RED said to it. */
  readonly left: readonly string[];
  /** Node-RED's last words, where it ended by itself. */
  readonly crashes: readonly string[];
}

const CAMERAS = ['camera-0', 'camera-1'];
const SENSORS = ['sensor'];
/** Numbers a process may use up. */
const NUMBERS_A_LIFE = 100_000;
/** Node-RED takes a setting that reads like a node's id for a reference to it. */
const nameOf = (node: string): string => `growth by ${node}`;
const EXTENSION = path.join(import.meta.dirname, 'torture-extension.mts');

class Torture {
  readonly #plan: TorturePlan;
  readonly #random: Random;
  readonly #sandbox: Sandbox;
  readonly #userDir: string;
  readonly #deeds: Record<string, number> = {};
  readonly #crashes: string[] = [];
  #life = 0;

  constructor(plan: TorturePlan, sandbox: Sandbox, userDir: string) {
    this.#plan = plan;
    this.#random = new Random(plan.seed);
    this.#sandbox = sandbox;
    this.#userDir = userDir;
  }

  async run(): Promise<TortureOutcome> {
    const first = await this.#start({ flow: this.#flow() });
    await first.kill();
    for (let kill = 0; kill < this.#plan.kills; kill += 1) {
      await this.#live();
      if ((kill + 1) % 20 === 0) this.#plan.say?.(`${kill + 1} kills: ${JSON.stringify(this.#deeds)}`);
    }
    const left = await this.#drain();
    const fates: Fate[] = [];
    for (const node of [...CAMERAS, ...SENSORS]) {
      const arrived = await arrivedIn(this.#sandbox, nameOf(node), CAMERAS.indexOf(node));
      fates.push(await fateOf(node, this.#notes, arrived));
    }
    const complaints = [...this.#sandbox.complaints];
    const { seed } = this.#plan;
    return { seed, fates, complaints, deeds: this.#deeds, left, crashes: this.#crashes };
  }

  /** One process from its start to its violent end; sometimes it ends well and another one takes over. */
  async #live(): Promise<void> {
    const random = this.#random;
    let child: ChildProcess | undefined;
    let killed = false;
    let timer: NodeJS.Timeout | undefined;
    const killAfter = (ms: number) => {
      timer ??= setTimeout(() => {
        killed = true;
        child?.kill('SIGKILL');
      }, ms);
    };
    // Some do not live to see the end of their start.
    if (random.chance(0.2)) killAfter(random.next() * 1500);
    const spawned = (process: ChildProcess) => {
      child = process;
      if (killed) process.kill('SIGKILL');
    };
    try {
      while (!killed) {
        const red = await this.#start({ spawned });
        killAfter(random.next() * this.#plan.life);
        while (!red.ended) await this.#mischief(red);
        if (!killed && !red.ended) this.#crashes.push(JSON.stringify(red.logs.slice(-5)));
      }
    } catch (error) {
      if (!killed) throw error;
    } finally {
      clearTimeout(timer);
      killed = true;
      child?.kill('SIGKILL');
      this.#did('SIGKILL');
    }
  }

  /** Does something that happens in a laboratory, and rests for a while. */
  async #mischief(red: NodeRed): Promise<void> {
    const random = this.#random;
    const deeds: Record<string, () => Promise<unknown>> = {
      fault: async () => this.#strike(),
      mend: async () => this.#sandbox.faults.clear(),
      deploy: () => red.deploy(this.#flow(), random.pick(['full', 'flows', 'nodes'])),
      reload: () => red.deploy([], 'reload'),
      finalize: async () => red.post(random.pick([...CAMERAS, ...SENSORS]), { action: 'finalize' }),
      flush: async () => red.post(random.pick([...CAMERAS, ...SENSORS]), { action: 'flush' }),
      SIGTERM: () => red.kill('SIGTERM'),
    };
    const often = [
      'fault',
      'fault',
      'fault',
      'mend',
      'mend',
      'deploy',
      'reload',
      'finalize',
      'flush',
      'SIGTERM',
    ];
    const deed = random.pick(often);
    this.#did(deed);
    // What the kill interrupts has no answer.
    await deeds[deed]?.().catch((error: Error) => {
      if (!red.ended) throw error;
    });
    await Promise.race([sleep(random.next() * 500), this.#ended(red)]);
  }

  async #ended(red: NodeRed): Promise<void> {
    while (!red.ended) await sleep(20);
  }

  #strike(): void {
    const random = this.#random;
    const match = random.pick([null, 'upload_urls', 'PUT', 'tool-state', 'end', 'streams', 'tags']);
    this.#sandbox.faults.set(random.pick(this.#plan.faults), {
      ...(random.chance(0.5) ? { count: 1 + random.below(5) } : {}),
      ...(match === null ? {} : { match }),
      delayMs: random.below(2000),
      retryAfter: random.below(2),
    });
  }

  #did(deed: string): void {
    this.#deeds[deed] = (this.#deeds[deed] ?? 0) + 1;
  }

  #start(options: Parameters<typeof NodeRed.start>[0], rate = 100): Promise<NodeRed> {
    const load: TortureLoad = {
      notes: this.#notes,
      cameras: CAMERAS,
      sensors: SENSORS,
      rate,
      from: this.#life * NUMBERS_A_LIFE,
    };
    this.#life += 1;
    return NodeRed.start({
      ...options,
      editor: false,
      userDir: this.#userDir,
      extension: EXTENSION,
      env: { TORTURE: JSON.stringify(load) },
      credentials: { account: { apiKey: 'test-key' } },
    });
  }

  get #notes(): string {
    return path.join(this.#userDir, 'notes.txt');
  }

  /** The flow, now and then with settings that need other streams. */
  #flow(): FlowNode[] {
    const random = this.#random;
    const common = {
      z: 'tab',
      account: 'account',
      autoStart: true,
      name: `${random.next()}`,
      wires: [[], []],
    };
    const fps = random.pick([10, 10, 10, 12]);
    return [
      { id: 'tab', type: 'tab', label: 'Torture' },
      {
        id: 'account',
        type: 'atomscale-account',
        endpoint: this.#sandbox.url,
        clockSync: false,
        spoolMinFreeBytes: 0,
        verbosity: 1,
      },
      ...CAMERAS.map((id) => ({
        id,
        type: 'rheed-stream',
        fps,
        chunkSize: 2 * fps,
        streamName: nameOf(id),
        ...common,
      })),
      ...SENSORS.map((id) => ({
        id,
        type: 'timeseries-stream',
        streamName: nameOf(id),
        pointsPerChunk: 25,
        flushInterval: 0.5,
        ...common,
      })),
    ];
  }

  /** Node-RED without load and without faults: everything is delivered and ends. */
  async #drain(): Promise<string[]> {
    this.#sandbox.faults.clear();
    const red = await this.#start({}, 0);
    try {
      for (const node of [...CAMERAS, ...SENSORS]) await red.send(node, { action: 'finalize' });
      const end = Date.now() + this.#plan.patience;
      while ((await this.#left()).length > 0 && Date.now() < end) await sleep(100);
      const left = await this.#left();
      if (left.length > 0) left.push(...red.logs.slice(-20).map(({ text }) => text));
      return left;
    } finally {
      await red.stop();
    }
  }

  async #left(): Promise<string[]> {
    const spool = path.join(this.#userDir, 'atomscale-spool', 'account');
    const entries = await readdir(spool, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }
}

export async function torture(plan: TorturePlan): Promise<TortureOutcome> {
  const sandbox = await startSandbox();
  const userDir = await makeUserDir();
  try {
    return await new Torture(plan, sandbox, userDir).run();
  } finally {
    await sandbox.close();
    await rm(userDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Every confirmed message arrived once, whole and in order; the others at most once. */
export function assertNothingLost({ seed, fates, complaints, left, crashes }: TortureOutcome): void {
  const replay = `seed ${seed}: run it again with SEED=${seed}; left: ${left.join('\n')}`;
  assertWhole(fates, replay);
  assert.deepEqual({ complaints, left, crashes }, { complaints: [], left: [], crashes: [] }, replay);
}

/** The outcome in a line. */
export function summaryOf({ seed, fates, deeds }: TortureOutcome): string {
  const nodes = fates.map(({ node, confirmed, arrived, refused }) => {
    const refusals = Object.entries(refused).map(([code, count]) => `, ${count} ${code}`);
    return `${node} ${confirmed} confirmed, ${arrived} arrived${refusals.join('')}`;
  });
  const done = Object.entries(deeds).map(([deed, count]) => `${count} ${deed}`);
  return `seed ${seed}: ${done.join(', ')}; ${nodes.join('; ')}`;
}

/** SEED in the environment runs that one again. */
export const seedOf = (): number => Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
