import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What of a Node-RED node matters here. */
export interface FlowNode {
  id: string;
  type: string;
  [property: string]: unknown;
}

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

/** Of an example, by its file name without `.json`. */
export async function readExample(name: string): Promise<FlowNode[]> {
  return JSON.parse(await readFile(join(examples, `${name}.json`), 'utf8'));
}

/** The same flow with its MQTT broker at another port of this machine. */
export function atBroker(flow: readonly FlowNode[], port: number): FlowNode[] {
  return flow.map((node) => (node.type === 'mqtt-broker' ? { ...node, port: String(port) } : node));
}

/** Puts the flow into Node-RED's folder, unless the user has changed what was put there: then false. */
export async function placeFlow(folder: string, flow: readonly FlowNode[]): Promise<boolean> {
  const [flows, mark] = [join(folder, 'flows.json'), join(folder, 'flows.example')];
  if (existsSync(flows)) {
    const placed = await readFile(mark, 'utf8').catch(() => '');
    if (digest(await readFile(flows, 'utf8')) !== placed) {
      return false;
    }
  }
  const text = `${JSON.stringify(flow, null, 4)}\n`;
  await writeFile(flows, text);
  await writeFile(mark, digest(text));
  return true;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The ids of the buttons (inject nodes) of a flow that send `msg.action`. */
export function buttons(flow: readonly FlowNode[], action: 'start' | 'finalize'): string[] {
  const sends = (node: FlowNode) =>
    Array.isArray(node.props) && node.props.some(({ p, v }) => p === 'action' && v === action);
  return flow.filter((node) => node.type === 'inject' && sends(node)).map(({ id }) => id);
}
