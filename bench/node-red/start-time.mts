/** How long Node-RED takes to start in a user folder. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type FlowNode, makeUserDir, NodeRed } from '../../test/helpers/node-red.mts';
import { freePort } from '../../test/helpers/uploader.mts';
import type { Measurement } from '../suite.mts';

/** `without`: the package is not there; `with`: it is; `used`: a flow has an account and both nodes. */
export type Package = 'without' | 'with' | 'used';

export async function startTime(what: Package, version: 4 | 5): Promise<Measurement> {
  const userDir = await makeUserDir();
  if (what === 'without') await rm(join(userDir, 'node_modules'), { recursive: true });
  if (what === 'used') await deployBefore(userDir, version);
  const began = performance.now();
  const red = await NodeRed.start({ version, userDir });
  const start_ms = performance.now() - began;
  const start_cpu_ms = cpuMs(red.pid);
  await red.dispose();
  return { figures: { start_ms, start_cpu_ms } };
}

async function deployBefore(userDir: string, version: 4 | 5): Promise<void> {
  const nodes = ['rheed-stream', 'timeseries-stream'].map(
    (type): FlowNode => ({ id: type, type, z: 'tab', account: 'account', fps: 30, wires: [[], []] }),
  );
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const flow = [
    { id: 'tab', type: 'tab', label: 'Growth' },
    { id: 'account', type: 'atomscale-account', endpoint, spoolMinFreeBytes: 0 },
    ...nodes,
  ];
  const red = await NodeRed.start({ version, userDir, flow, credentials: { account: { apiKey: 'bench' } } });
  await red.stop();
}

/** Of a process so far, user and system; NaN where /proc does not tell. */
function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}
