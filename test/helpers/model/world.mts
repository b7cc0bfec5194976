/** One lab of the model: a service, a spool, a process that comes and goes, and what was pushed to it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../../dist/uploader/types.js';
import type { Sandbox } from '../../../sandbox/server.mts';
import { range } from '../uploader.mts';
import { KINDS, type Kind, SETTINGS } from './data.mts';
import type { Answer, Asked, Editor, Process, Processes } from './process.mts';

export const RIGHT_KEY = 'right';

/** What became of a frame or row: told so by done(), refused by done(err), or never answered. */
export type Outcome = 'confirmed' | 'refused' | 'unknown';

export class World {
  readonly sandbox: Sandbox;
  readonly spoolDir: string;
  readonly outcomes: Record<Kind, Outcome[]> = { rheed: [], timeseries: [] };
  readonly reports: Record<Kind, Report[]> = { rheed: [], timeseries: [] };
  readonly editors: Record<Kind, Editor> = { ...SETTINGS };
  /** What happened that makes the books of the service and of the spool differ in allowed ways. */
  readonly happened = new Set<'crash' | 'closed' | 'refused chunk'>();
  key = RIGHT_KEY;
  readonly #processes: Processes;
  readonly #pending = new Set<Promise<unknown>>();
  #process: Process | undefined;

  private constructor(sandbox: Sandbox, processes: Processes, spoolDir: string) {
    this.sandbox = sandbox;
    this.#processes = processes;
    this.spoolDir = spoolDir;
  }

  static async make(sandbox: Sandbox, processes: Processes): Promise<World> {
    await sandbox.reset();
    const world = new World(sandbox, processes, await mkdtemp(join(tmpdir(), 'atomscale-model-')));
    await world.start();
    return world;
  }

  async start(): Promise<void> {
    const { id, spoolDir, key, editors } = { id: 'account', ...this };
    this.#process ??= this.#processes.take();
    this.#process.onFinalized = (kind, report) => this.reports[kind].push(report);
    const account = {
      id,
      endpoint: this.sandbox.url,
      apiKey: key,
      spoolDir,
      clockSync: false,
      spoolMinFreeBytes: 0,
    };
    await this.ask('acquire', { account, editors });
  }

  /** Pushes the next frames or rows; what becomes of them is noted when it is known. */
  push(kind: Kind, count: number): Promise<unknown> {
    const outcomes = this.outcomes[kind];
    const from = outcomes.length;
    outcomes.push(...Array<Outcome>(count).fill('unknown'));
    const answered = (this.#process as Process).ask('push', { kind, from, count }).then(({ gone, error }) => {
      if (gone) return;
      const outcome = error === undefined ? 'confirmed' : 'refused';
      for (const number of range(from, from + count)) outcomes[number] = outcome;
    });
    this.#pending.add(answered);
    return answered.finally(() => this.#pending.delete(answered));
  }

  /** Asks the process; an error fails the run, being ended does not. */
  async ask(action: string, more: Partial<Asked> = {}): Promise<Answer> {
    const answer = await (this.#process as Process).ask(action, more);
    if (answer.error !== undefined)
      throw new Error(`${action}: ${answer.error.code}: ${answer.error.message}`);
    return answer;
  }

  async crash(): Promise<void> {
    this.happened.add('crash');
    this.#processes.warm();
    await this.#process?.kill();
    this.#process = undefined;
  }

  /** The node is gone for a moment, and comes back as it was or edited. */
  async deploy(kind: Kind, editor: Editor, removed = false): Promise<void> {
    this.editors[kind] = editor;
    await this.ask('deploy', { kind, editors: this.editors, removed });
  }

  /** As Node-RED's stop and start, with another key perhaps. */
  async restart(): Promise<void> {
    await this.ask('release');
    await this.start();
  }

  /** The service is well again and everything is ended: what is left undelivered fails the run. */
  async settle(): Promise<void> {
    this.sandbox.faults.clear();
    if (this.key !== RIGHT_KEY) {
      this.key = RIGHT_KEY;
      await this.restart();
    }
    await Promise.all(this.#pending);
    for (const name of ['corrected', 'corrected again', 'corrected once more']) {
      // Another name ends what is open, and lets streams whose opening was refused try again.
      for (const kind of KINDS) await this.deploy(kind, { ...this.editors[kind], streamName: name });
      const { answer } = await this.ask('drain');
      const left = answer as readonly { phase: string }[];
      if (left.length === 0) break;
      // A 403 whose cause went away before it was asked for looks like a refusal: the person corrects again.
      const text = `never delivered: ${JSON.stringify(left, null, 1)}`;
      if (name.endsWith('more') || left.some(({ phase }) => phase !== 'failed')) throw new Error(text);
    }
    await this.ask('release');
    await this.#processes.give(this.#process as Process);
    this.#process = undefined;
  }

  async end(): Promise<void> {
    await this.#process?.kill();
    await rm(this.spoolDir, { recursive: true, force: true });
  }
}
