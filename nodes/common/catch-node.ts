import type { Node, NodeAPI } from 'node-red';

/** A node of the flow, as `RED.nodes.eachNode` shows it. */
interface FlowNode {
  readonly id: string;
  readonly type: string;
  /** Its tab. */
  readonly z?: string;
  /** Its group. */
  readonly g?: string;
  /** It, or a tab, is disabled. */
  readonly d?: boolean;
  /** Of a Catch node: null = all of the tab, `group`, or the ids of nodes. */
  readonly scope?: unknown;
}

/**
 * Whether a Catch node may see this node's errors. Where that cannot be told from the flow alone (inside a
 * subflow or a group) any Catch node will do: rather a log line too many than an error that Catch never sees.
 */
export function hasCatchNode(RED: NodeAPI, node: Node): boolean {
  const { id, z, g } = node as Node & FlowNode;
  const catchers: FlowNode[] = [];
  let isOnTab = false;
  RED.nodes.eachNode((other: FlowNode) => {
    if (other.id === z && other.type === 'tab') isOnTab = true;
    else if (other.type === 'catch' && other.d !== true) catchers.push(other);
  });
  if (!isOnTab) return catchers.length > 0;
  return catchers.some(({ scope, z: tab, g: group }) => {
    if (tab !== z) return false;
    if (Array.isArray(scope)) return scope.includes(id);
    return scope !== 'group' || group === undefined || g !== undefined;
  });
}
