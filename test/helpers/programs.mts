import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from './ports.mts';

/** Where a program is, undefined when it is not installed: tests that need it are then skipped by name. */
export function program(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders
    .map((folder) => path.join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** What a program writes. */
export function output(file: string, args: readonly string[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { encoding: 'buffer', maxBuffer: 1e9 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stderr}`));
      else resolve(stdout);
    });
  });
}

/** A Mosquitto broker, which speaks MQTT 5, on a port of its own. */
export class Mosquitto {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(port: number, process: ChildProcess, folder: string) {
    this.port = port;
    this.#process = process;
    this.#folder = folder;
  }

  static async start(file: string): Promise<Mosquitto> {
    const [port = 0] = await freePorts(1);
    const folder = await mkdtemp(path.join(tmpdir(), 'mosquitto-'));
    const config = path.join(folder, 'mosquitto.conf');
    await writeFile(
      config,
      `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n`,
    );
    const broker = new Mosquitto(port, spawn(file, ['-c', config], { stdio: 'ignore' }), folder);
    try {
      await broker.#listening();
    } catch (error) {
      await broker.close();
      throw error;
    }
    return broker;
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const gone = new Promise((resolve) => this.#process.once('exit', resolve));
      this.#process.kill();
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      const isThere = await new Promise<boolean>((resolve) => {
        const socket = createConnection(this.port, '127.0.0.1')
          .once('connect', () => resolve(true))
          .once('error', () => resolve(false));
        socket.once('connect', () => socket.end());
      });
      if (isThere) return;
      await sleep(50);
    }
    throw new Error('mosquitto does not listen');
  }
}
