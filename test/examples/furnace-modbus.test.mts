import assert from 'node:assert/strict';
import { readExample } from '../../scripts/start/flow.mts';
import { ModbusFurnace } from '../helpers/modbus-furnace.mts';
import { Bench, changed } from './helpers.mts';

describe('examples: Modbus', function () {
  this.timeout(180_000);

  it('Furnace over Modbus TCP to timeseries', async () => {
    const furnace = await ModbusFurnace.start();
    const example = await readExample('Furnace over Modbus TCP to timeseries');
    const flow = changed(
      changed(example, 'modbus-client', { tcpPort: String(furnace.port) }),
      'modbus-read',
      { rate: '200', rateUnit: 'ms' },
    );
    const bench = await Bench.run(flow, { palette: ['node-red-contrib-modbus'] });
    try {
      await bench.until(() => furnace.served.length > 1, 'the connection to the furnace');
      await bench.press('start');
      await bench.until(() => (bench.sandbox.streams()[0]?.channels ?? []).length === 6, 'six channels');
      await bench.press('finalize');
      await bench.ended();

      const [stream, ...others] = bench.sandbox.streams();
      assert.ok(stream && others.length === 0);
      assert.equal(stream.sample?.name, 'GaN-001');
      assert.deepEqual(Object.fromEntries((stream.channels ?? []).map(({ name, units }) => [name, units])), {
        ...{ PV: '°C', SP: '°C', OP: '%' },
        ...{ 'PV float': '°C', 'SP float': '°C', 'OP float': '%' },
      });
      const points = await bench.sandbox.readPoints(stream.data_id);
      const readings = (channel: string) => {
        const values = (points[channel]?.values ?? []).filter((value) => value !== null);
        assert.ok(values.length > 0, channel);
        return values;
      };
      for (const [key, channel] of [
        ['pv', 'PV'],
        ['sp', 'SP'],
        ['op', 'OP'],
      ] as const) {
        const served = furnace.served.map((state) => state[key]);
        const integers = served.map((value) => Math.round(value * 10) * 0.1);
        const foreign = (values: number[], of: number[]) => values.filter((value) => !of.includes(value));
        assert.deepEqual(foreign(readings(channel), integers), [], channel);
        assert.deepEqual(foreign(readings(`${channel} float`), served.map(Math.fround)), [], channel);
      }
      assert.deepEqual(bench.shown('error'), []);
      assert.deepEqual(bench.sandbox.complaints, []);
    } finally {
      await bench.close();
      await furnace.close();
    }
  });
});
