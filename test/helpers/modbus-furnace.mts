/** A furnace controller on Modbus TCP, in the way of a Eurotherm: integers without their point, floats beside. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import modbus from 'jsmodbus';

/** Register addresses: process value, setpoint, output power. */
export const PV = 1;
export const SP = 2;
export const OP = 4;

/** Where the float of a parameter begins: two registers, the high word first. */
export const floatAddress = (address: number): number => 2 * address + 32768;

export interface FurnaceState {
  /** Celsius. */
  readonly pv: number;
  readonly sp: number;
  /** Percent, negative when it cools. */
  readonly op: number;
}

/** Each read of its registers finds it one step further. */
export class ModbusFurnace {
  /** What was read, in order. */
  readonly served: FurnaceState[] = [];
  readonly #holding = Buffer.alloc(2 * (floatAddress(OP) + 2));
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer();
  port = 0;

  static async start(): Promise<ModbusFurnace> {
    const furnace = new ModbusFurnace();
    await furnace.listen();
    return furnace;
  }

  private constructor() {
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    const server = new modbus.server.TCP(this.#server, { holding: this.#holding });
    server.on('preReadHoldingRegisters', () => this.#step());
  }

  /** Again on the same port after `drop`. */
  async listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address === 'object' && address) this.port = address.port;
  }

  /** The cable is pulled: nobody is connected, and nobody can connect. */
  async drop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.drop();
  }

  #step(): void {
    const step = this.served.length;
    // Never what the registers were before, and never 0.
    const state = { pv: (6500 + step) / 10, sp: 700.5, op: (((step * 37) % 900) - 101) / 10 };
    for (const [address, value] of [
      [PV, state.pv],
      [SP, state.sp],
      [OP, state.op],
    ] as const) {
      this.#holding.writeInt16BE(Math.round(value * 10), 2 * address);
      this.#holding.writeFloatBE(value, 2 * floatAddress(address));
    }
    this.served.push(state);
  }
}
