/** What a test and its Node-RED say to each other over IPC (structured clones: buffers, dates and NaN survive). */

export interface FlowNode {
  id: string;
  type: string;
  [property: string]: unknown;
}

/** `reload` starts the flow again that is stored. */
export type DeployType = 'full' | 'flows' | 'nodes' | 'reload';

export interface ChildOptions {
  readonly version: 4 | 5;
  readonly userDir: string;
  readonly port: number;
  /** A module whose default export is called with `RED` and `tell` before the flow starts. */
  readonly extension?: string;
  /** Node-RED packages of others, installed here for tests, that it is to load. */
  readonly palette: readonly string[];
  /** False: no editor is served, Node-RED starts faster. */
  readonly editor: boolean;
}

/** How a message ended: `error` is what done() was called with. */
export interface Completion {
  readonly id: number;
  readonly node: string;
  readonly error?: { code?: string | undefined; message: string };
}

export type Request =
  | {
      readonly type: 'send';
      readonly node: string;
      readonly id: number;
      readonly msg: Record<string, unknown>;
    }
  | { readonly type: 'deploy'; readonly flows: FlowNode[]; readonly deployType: DeployType }
  | { readonly type: 'probe'; readonly reset: boolean }
  | { readonly type: 'extension'; readonly value: unknown }
  | { readonly type: 'stop' };

export interface Probe {
  /** process.memoryUsage() after a garbage collection where the process allows one. */
  readonly memory: NodeJS.MemoryUsage;
  /** Event-loop delay since the last reset, ms. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Handles and timers that are alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

export type Notice =
  | { readonly type: 'ready'; readonly port: number; readonly redVersion: string }
  | { readonly type: 'answer'; readonly to: number; readonly value?: unknown; readonly error?: string }
  | { readonly type: 'completed'; readonly completion: Completion }
  | { readonly type: 'message'; readonly msg: Record<string, unknown> }
  | {
      readonly type: 'status';
      readonly node: string;
      readonly status: { fill?: string; shape?: string; text?: string };
    }
  | { readonly type: 'log'; readonly level: number; readonly text: string }
  | { readonly type: 'told'; readonly value: unknown };
