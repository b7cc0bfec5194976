/** Starts a real Node-RED with this package in a fresh user folder, for tests. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type {
  ChildOptions,
  Completion,
  DeployType,
  FlowNode,
  Notice,
  Probe,
  Request,
} from './node-red-protocol.mts';

export type { Completion, DeployType, FlowNode, Probe } from './node-red-protocol.mts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PACKAGE = '@rheed/node-red-atomscale';
const CHILD = path.join(import.meta.dirname, 'node-red-child.mts');

export interface NodeRedOptions {
  /** 5 (default) or 4, which is 4.1. */
  readonly version?: 4 | 5;
  /** Deployed once Node-RED runs; without it, what the user folder holds is started. */
  readonly flow?: FlowNode[];
  /** By node id, as `{account: {apiKey: 'k'}}`. */
  readonly credentials?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Folder of the package, when it is not this checkout. */
  readonly packageRoot?: string;
  /** An existing user folder, to start again where another Node-RED stopped. */
  readonly userDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Of the editor; 0 (default) = any. */
  readonly port?: number;
  /** Serve the editor; default true. */
  readonly editor?: boolean;
  /** Node-RED packages of others that it is to load, as node-red-contrib-modbus; default none. */
  readonly palette?: readonly string[];
  /** Path of a module `export default (RED, tell) => (value) => answer` that runs inside, for load from within. */
  readonly extension?: string;
  /** Further arguments of the node process, as `--expose-gc`. */
  readonly execArgv?: readonly string[];
  /** Told as soon as the process exists, for tests that end it while it starts. */
  readonly spawned?: (process: ChildProcess) => void;
}

export interface StatusNotice {
  readonly node: string;
  readonly fill?: string;
  readonly shape?: string;
  readonly text?: string;
}

/** Makes a user folder in which Node-RED finds the package in `root` as if it were installed. */
export async function makeUserDir(root = ROOT): Promise<string> {
  const userDir = await mkdtemp(path.join(tmpdir(), 'node-red-'));
  const link = path.join(userDir, 'node_modules', PACKAGE);
  await mkdir(path.dirname(link), { recursive: true });
  await symlink(root, link, 'junction');
  const dependencies = { [PACKAGE]: `file:${root}` };
  await writeFile(
    path.join(userDir, 'package.json'),
    JSON.stringify({ name: 'test', private: true, dependencies }),
  );
  return userDir;
}

export class NodeRed {
  readonly userDir: string;
  /** Messages that flows handed over by `global.get('toTest')(msg)`. */
  readonly messages: Record<string, unknown>[] = [];
  /** How injected messages ended, in order; a message that ends twice is here twice. */
  readonly completions: Completion[] = [];
  readonly statuses: StatusNotice[] = [];
  readonly logs: { level: number; text: string }[] = [];
  /** What an extension told. */
  readonly told: unknown[] = [];
  url = '';
  redVersion = '';
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #answers = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #watchers = new Set<() => void>();
  #next = 1;

  private constructor(userDir: string, options: NodeRedOptions) {
    this.userDir = userDir;
    const argument: ChildOptions = {
      version: options.version ?? 5,
      userDir,
      port: options.port ?? 0,
      editor: options.editor ?? true,
      palette: options.palette ?? [],
      ...(options.extension ? { extension: options.extension } : {}),
    };
    this.#child = fork(CHILD, [JSON.stringify(argument)], {
      serialization: 'advanced',
      execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning', ...(options.execArgv ?? [])],
      env: { ...process.env, NODE_ENV: 'test', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.logs.push({ level: 0, text }));
    }
    this.#child.on('message', (notice) => this.#hear(notice as Notice));
    options.spawned?.(this.#child);
    this.#exit = once(this.#child, 'exit').then(() => {
      for (const { reject } of this.#answers.values()) reject(new Error(`Node-RED ended:\n${this.#tail()}`));
      this.#answers.clear();
    });
  }

  static async start(options: NodeRedOptions = {}): Promise<NodeRed> {
    const nodeRed = new NodeRed(options.userDir ?? (await makeUserDir(options.packageRoot)), options);
    try {
      await nodeRed.waitFor(() => nodeRed.url !== '', 'Node-RED to start', 60_000);
      if (options.flow) await nodeRed.deploy(options.flow, 'full', options.credentials);
    } catch (error) {
      await nodeRed.kill('SIGKILL');
      throw error;
    }
    return nodeRed;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The process is gone, by itself or by a signal. */
  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Hands a message to a node; resolves when its done() was called, with the error if there was one. */
  async send(node: string, msg: Record<string, unknown>, timeout = 20_000): Promise<Completion> {
    const id = this.post(node, msg);
    await this.waitFor(() => this.completion(id) !== undefined, `done() of ${node}`, timeout);
    return this.completion(id) as Completion;
  }

  /** Hands a message to a node without waiting; `completion(id)` tells later how it ended. */
  post(node: string, msg: Record<string, unknown>): number {
    const id = this.#next;
    void this.#ask({ type: 'send', node, id, msg }).catch((error: Error) => {
      this.completions.push({ id, node, error: { code: 'ERR_TEST', message: error.message } });
    });
    return id;
  }

  completion(id: number): Completion | undefined {
    return this.completions.find((completion) => completion.id === id);
  }

  async deploy(
    flow: readonly FlowNode[],
    deployType: DeployType = 'full',
    credentials: NodeRedOptions['credentials'] = {},
  ): Promise<void> {
    const flows = flow.map((node) => ({
      ...node,
      ...(credentials[node.id] ? { credentials: credentials[node.id] } : {}),
    }));
    await this.#ask({ type: 'deploy', flows, deployType });
  }

  /** Memory, event-loop delay since the last reset, and what is alive in the process. */
  async probe({ reset = false } = {}): Promise<Probe> {
    return (await this.#ask({ type: 'probe', reset })) as Probe;
  }

  /** Asks the extension. */
  async extension(value: unknown): Promise<unknown> {
    return this.#ask({ type: 'extension', value });
  }

  /** Forgets what it has heard so far. */
  forget(): void {
    for (const heard of [this.messages, this.completions, this.statuses, this.logs, this.told])
      heard.length = 0;
  }

  /** The last status of a node. */
  status(node: string): StatusNotice | undefined {
    return this.statuses.findLast((status) => status.node === node);
  }

  /** Resolves when the condition holds, looked at whenever Node-RED says something, and now and then. */
  async waitFor(condition: () => boolean, what: string, timeout = 20_000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        clearInterval(poll);
        this.#watchers.delete(look);
        settle();
      };
      const look = () => {
        if (condition()) end(resolve);
        else if (this.ended) end(() => reject(new Error(`Node-RED ended:\n${this.#tail()}`)));
      };
      const timer = setTimeout(
        () => end(() => reject(new Error(`waited ${timeout} ms for ${what}\n${this.#tail()}`))),
        timeout,
      );
      const poll = setInterval(look, 50);
      this.#watchers.add(look);
    });
  }

  /** Resolves when the process is gone, which it is not by every signal. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal);
    await this.#exit;
  }

  /** Sends a signal that does not end the process, as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stops as an administrator does; fails when the process does not end by itself. */
  async stop(): Promise<void> {
    if (this.ended) return;
    await this.#ask({ type: 'stop' });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), 15_000);
    });
    const isLate = await Promise.race([late, this.#exit.then(() => false)]);
    clearTimeout(timer);
    if (!isLate) return;
    await this.kill('SIGKILL');
    throw new Error(`Node-RED did not end by itself: something is still alive\n${this.#tail()}`);
  }

  /** Stops, and removes the user folder with its spool. */
  async dispose(): Promise<void> {
    try {
      await this.stop();
    } finally {
      if (existsSync(this.userDir)) await rm(this.userDir, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  #ask(request: Request): Promise<unknown> {
    const to = this.#next++;
    return new Promise((resolve, reject) => {
      this.#answers.set(to, { resolve, reject });
      this.#child.send({ to, request }, (error) => {
        if (error && this.#answers.delete(to)) reject(error);
      });
    });
  }

  #hear(notice: Notice): void {
    if (notice.type === 'ready') {
      this.url = `http://127.0.0.1:${notice.port}`;
      this.redVersion = notice.redVersion;
    } else if (notice.type === 'answer') {
      const waiting = this.#answers.get(notice.to);
      this.#answers.delete(notice.to);
      if (notice.error === undefined) waiting?.resolve(notice.value);
      else waiting?.reject(new Error(notice.error));
    } else if (notice.type === 'completed') this.completions.push(notice.completion);
    else if (notice.type === 'message') this.messages.push(notice.msg);
    else if (notice.type === 'status') this.statuses.push({ node: notice.node, ...notice.status });
    else if (notice.type === 'log') this.logs.push({ level: notice.level, text: notice.text });
    else this.told.push(notice.value);
    for (const look of this.#watchers) look();
  }

  #tail(): string {
    return this.logs
      .slice(-15)
      .map(({ text }) => text.trimEnd())
      .join('\n');
  }
}
