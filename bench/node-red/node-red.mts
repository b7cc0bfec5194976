/** A real Node-RED with a load inside it. */
import { type FlowNode, NodeRed } from '../../test/helpers/node-red.mts';
import type { Result, Task } from './extension.mts';

export interface Rig {
  readonly version: 4 | 5;
  /** Of the service's stand-in. */
  readonly endpoint: string;
  /** The nodes under test, their account left out, and what they are wired to. */
  readonly nodes: readonly FlowNode[];
  /** An existing user folder. */
  readonly userDir?: string;
}

/** Starts it, and stops it when `use` has ended in whatever way. */
export async function withNodeRed<T>(
  { version, endpoint, nodes, userDir }: Rig,
  use: (red: NodeRed, run: (task: Task) => Promise<Result>) => Promise<T>,
): Promise<T> {
  const red = await NodeRed.start({
    version,
    flow: [
      { id: 'tab', type: 'tab', label: 'Bench' },
      { id: 'account', type: 'atomscale-account', endpoint, spoolMinFreeBytes: 0 },
      ...nodes.map((node) => ({ wires: [[], []], ...node, z: 'tab', account: 'account' })),
    ],
    editor: false,
    extension: new URL('extension.mts', import.meta.url).pathname,
    credentials: { account: { apiKey: 'bench' } },
    ...(userDir === undefined ? {} : { userDir }),
  });
  try {
    return await use(red, async (task) => {
      const result = (await red.extension(task)) as Result;
      if (result.errors.length > 0) throw new Error(`messages were refused: ${result.errors.join('; ')}`);
      return result;
    });
  } finally {
    await red.dispose();
  }
}
