import assert from 'node:assert/strict';
import { type FurnaceState, floatAddress, ModbusFurnace, OP, PV } from '../helpers/modbus-furnace.mts';
import type { FlowNode } from '../helpers/node-red.mts';
import { type NodesBench, openerOfShared, SERIES } from '../helpers/nodes-bench.mts';

const READER = 'reader';

/** What the nodes of node-red-contrib-modbus have in common. */
const COMMON = {
  z: 'tab',
  server: 'furnace',
  showErrors: true,
  showStatusActivities: true,
  emptyMsgOnFail: true,
  keepMsgProperties: true,
  useIOFile: false,
  useIOForPayload: false,
  delayOnStart: false,
};

const client = (port: number): FlowNode => ({
  id: 'furnace',
  type: 'modbus-client',
  clienttype: 'tcp',
  tcpHost: '127.0.0.1',
  tcpPort: String(port),
  tcpType: 'DEFAULT',
  unit_id: '1',
  bufferCommands: true,
  commandDelay: '1',
  clientTimeout: '10000',
  reconnectOnTimeout: true,
  reconnectTimeout: '200',
  parallelUnitIdsAllowed: true,
});

const holding = (address: number, quantity: number) => ({
  unitid: '1',
  dataType: 'HoldingRegister',
  adr: String(address),
  quantity: String(quantity),
});

/** Reads all integers five times a second. */
const poller: FlowNode = {
  id: READER,
  type: 'modbus-read',
  ...COMMON,
  ...holding(PV, 4),
  topic: 'furnace',
  rate: '200',
  rateUnit: 'ms',
  wires: [[SERIES], []],
};

/** As docs/sensors.md has them. */
const INTEGERS = [
  { source: 'payload[0]', channel: 'PV', units: '°C', type: 'int16', scale: '0.1' },
  { source: 'payload[1]', channel: 'SP', units: '°C', type: 'int16', scale: '0.1' },
  { source: 'payload[3]', channel: 'OP', units: '%', type: 'int16', scale: '0.1' },
];

const FLOATS = [
  { source: 'payload[0]', channel: 'PV', units: '°C', type: 'float32', order: 'ABCD' },
  { source: 'payload[2]', channel: 'SP', units: '°C', type: 'float32', order: 'ABCD' },
  { source: 'responseBuffer.buffer[12]', channel: 'OP', units: '%', type: 'float32', order: 'ABCD' },
];

describe('Modbus TCP by node-red-contrib-modbus', function () {
  this.timeout(60_000);
  let furnace: ModbusFurnace;
  let bench: NodesBench;
  const openBench = openerOfShared();

  beforeEach(async () => {
    furnace = await ModbusFurnace.start();
  });
  afterEach(async () => {
    await bench?.rest();
    await furnace.close();
  });

  async function open(
    reader: FlowNode,
    channels: object[],
    version: 4 | 5 = 5,
    fill = 'hold',
  ): Promise<void> {
    bench = await openBench({
      nodeRed: { version, palette: ['node-red-contrib-modbus'] },
      series: { channels, fill, pointsPerChunk: '4' },
      others: [client(furnace.port), reader],
    });
    // A getter that is asked before its client is connected does nothing.
    const isReady = () => /^(connected|active)/.test(bench.red.status(READER)?.text ?? '');
    await bench.red.waitFor(isReady, 'the connection to the furnace');
  }

  const untilServed = (count: number) =>
    bench.red.waitFor(() => furnace.served.length >= count, `${count} reads of the furnace`);

  async function stored() {
    await bench.red.send(SERIES, { action: 'finalize' });
    const { data_id } = await bench.until('series:1', 'finalized');
    assert.deepEqual(bench.sandbox.complaints, []);
    return bench.sandbox.readPoints(String(data_id));
  }

  /** Rows that came are rows that were served, in their order. */
  function positions(served: readonly FurnaceState[], values: readonly (number | null)[]): number[] {
    const found = values.map((value) => served.findIndex(({ pv }) => Math.round(pv * 10) / 10 === value));
    assert.deepEqual(
      found.filter((position, row) => position < 0 || position <= (found[row - 1] ?? -1)),
      [],
      `expected rows of the furnace, got ${values}`,
    );
    return found;
  }
  const near = (value: number | null | undefined) => Math.round(Number(value) * 10) / 10;

  for (const version of [5, 4] as const) {
    it(`integers whose point is dropped become values (Node-RED ${version})`, async () => {
      await open(poller, INTEGERS, version);
      await untilServed(10);
      const { PV: pv, SP: sp, OP: op } = await stored();
      const found = positions(furnace.served, (pv?.values ?? []).map(near));
      assert.ok(found.length >= 8, `${found.length} rows`);
      assert.deepEqual(
        found,
        found.map((_, row) => (found[0] ?? 0) + row),
        'every answer has its row',
      );
      assert.deepEqual(
        op?.values.map(near),
        found.map((position) => furnace.served[position]?.op),
      );
      assert.deepEqual([...new Set(sp?.values.map(near))], [700.5]);
      assert.deepEqual([pv?.units, sp?.units, op?.units], ['°C', '°C', '%']);
    });
  }

  for (const type of ['modbus-getter', 'modbus-flex-getter'] as const) {
    it(`floats of two registers, the high word first, become values (${type})`, async () => {
      const request = { fc: 3, unitid: 1, address: floatAddress(PV), quantity: 8 };
      const reader = { id: READER, type, ...COMMON, ...holding(request.address, request.quantity) };
      await open({ ...reader, wires: [[SERIES], []] }, FLOATS);
      for (let read = 1; read <= 6; read += 1) {
        bench.red.post(READER, { payload: request, timestamp: read * 1000 });
        await untilServed(read);
      }
      await bench.until('series:2', 'chunk');
      await until(() => bench.out('series:2', 'status').at(-1)?.payload, 18);
      const { PV: pv, SP: sp, OP: op } = await stored();
      assert.deepEqual(pv?.timestamps, [1, 2, 3, 4, 5, 6]);
      assert.deepEqual(
        [pv?.values, sp?.values, op?.values],
        (['pv', 'sp', 'op'] as const).map((name) => furnace.served.map((state) => Math.fround(state[name]))),
      );
    });
  }

  /** Asks for the stream's status until all points are there. */
  async function until(payload: () => unknown, points: number): Promise<void> {
    for (;;) {
      const count = bench.out('series:2', 'status').length;
      await bench.red.send(SERIES, { action: 'status' });
      await bench.until('series:2', 'status', count + 1);
      if ((payload() as { points?: number } | undefined)?.points === points) return;
    }
  }

  for (const fill of ['hold', 'gap'] as const) {
    it(`a lost connection is no reading, never a zero, whatever else goes on (fill ${fill})`, async () => {
      await open(poller, [...INTEGERS, { source: 'payload.pressure', channel: 'P' }], 5, fill);
      await untilServed(5);
      await furnace.drop();
      const before = furnace.served.length;
      await bench.red.waitFor(
        () => /[1-9]\d* skipped/.test(bench.red.status(SERIES)?.text ?? ''),
        'failed requests to be counted',
      );
      const cut = Date.now() / 1000;
      for (const pressure of [1e-9, 2e-9, 4e-9]) {
        assert.equal((await bench.red.send(SERIES, { payload: { pressure } })).error, undefined);
      }
      const back = Date.now() / 1000;
      await furnace.listen();
      await untilServed(before + 5);
      const { PV: pv, OP: op, P: p } = await stored();
      const rows = (pv?.timestamps ?? []).map((time, row) => [time, pv?.values[row] ?? null] as const);
      const values = rows.flatMap(([, value]) => (value === null ? [] : [near(value)]));
      // Held values repeat while the pressure comes in.
      positions(furnace.served, [...new Set(values)]);
      assert.ok(
        values.some((value) => value >= (6500 + before) / 10),
        'readings go on afterwards',
      );
      assert.deepEqual(
        rows.filter(([time, value]) => value !== null && time >= cut && time <= back),
        [],
        'no value of the furnace while it was away',
      );
      const served = new Set(furnace.served.map((state) => state.op));
      for (const value of op?.values ?? [])
        assert.ok(value === null || served.has(near(value)), String(value));
      const pressures = (p?.values ?? []).filter((value) => value !== null);
      assert.deepEqual([...new Set(pressures)], [1e-9, 2e-9, 4e-9]);
    });
  }

  it('an address that the controller does not have is no reading', async () => {
    const reader = { id: READER, type: 'modbus-getter', ...COMMON, ...holding(floatAddress(OP) + 1, 2) };
    await open({ ...reader, wires: [[SERIES], []] }, FLOATS);
    bench.red.post(READER, { payload: '' });
    await bench.red.waitFor(
      () => /3 skipped/.test(bench.red.status(SERIES)?.text ?? ''),
      'the answer to be counted',
    );
    assert.equal(bench.sandbox.requests.length, 0);
  });
});
