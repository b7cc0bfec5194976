import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import {
  decodeBit,
  decodeNumber,
  decodeRegisters,
  ORDERS,
  type Order,
  REGISTER_TYPES,
  type RegisterType,
} from '../../dist/nodes/timeseries-stream/registers.js';

const WIDTHS: Readonly<Record<RegisterType, number>> = {
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  float64: 8,
};

const WRITERS: Readonly<Record<RegisterType, (view: DataView, value: number) => void>> = {
  int16: (view, value) => view.setInt16(0, value),
  uint16: (view, value) => view.setUint16(0, value),
  int32: (view, value) => view.setInt32(0, value),
  uint32: (view, value) => view.setUint32(0, value),
  float32: (view, value) => view.setFloat32(0, value),
  float64: (view, value) => view.setFloat64(0, value),
};

const anyValue = (type: RegisterType): fc.Arbitrary<number> =>
  ({
    int16: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
    uint16: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
    int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    float32: fc.float(),
    float64: fc.double(),
  })[type];

/** What a device with this order sends for a value: the bytes of the big-endian number, moved as the letters say. */
function onWire(type: RegisterType, order: Order, value: number): Uint8Array {
  const width = WIDTHS[type];
  const bytes = new Uint8Array(width);
  WRITERS[type](new DataView(bytes.buffer), value);
  const words = Array.from({ length: width / 2 }, (_, word) => [...bytes.subarray(2 * word, 2 * word + 2)]);
  if (order === 'CDAB' || order === 'DCBA') words.reverse();
  if (order === 'BADC' || order === 'DCBA') for (const word of words) word.reverse();
  return Uint8Array.from(words.flat());
}

const registersOf = (bytes: Uint8Array): number[] =>
  Array.from({ length: bytes.length / 2 }, (_, word) =>
    new DataView(bytes.buffer, bytes.byteOffset).getUint16(2 * word),
  );

describe('registers', () => {
  for (const type of REGISTER_TYPES) {
    for (const order of ORDERS) {
      it(`give back every ${type} in order ${order}, from registers and from bytes, wherever it stands`, () => {
        const decode = decodeRegisters(type, order);
        fc.assert(
          fc.property(
            anyValue(type),
            fc.uint8Array({ maxLength: 8 }).filter(({ length }) => length % 2 === 0),
            fc.uint8Array({ maxLength: 8 }).filter(({ length }) => length % 2 === 0),
            (value, before, after) => {
              const bytes = Buffer.concat([before, onWire(type, order, value), after]);
              const registers = registersOf(bytes);
              const at = before.length / 2;
              assert.equal(decode(bytes, before.length), value);
              assert.equal(decode(bytes.subarray(before.length), undefined), value);
              assert.equal(decode(registers, at), value);
              assert.equal(decode(Uint16Array.from(registers), at), value);
              assert.equal(decode(Int16Array.from(registers), at), value);
              assert.equal(decode(registers.slice(at), undefined), value);
              assert.equal(decode(registers.map(String), at), value);
            },
          ),
        );
      });
    }
  }

  it('read as a device sends them: 650.5 in each order', () => {
    const sent = {
      ABCD: [0x4422, 0xa000],
      CDAB: [0xa000, 0x4422],
      BADC: [0x2244, 0x00a0],
      DCBA: [0x00a0, 0x2244],
    };
    for (const order of ORDERS) assert.equal(decodeRegisters('float32', order)(sent[order], 0), 650.5, order);
  });

  it('are signed only where the type is', () => {
    assert.equal(decodeRegisters('int16', 'ABCD')([0xfffb], 0), -5);
    assert.equal(decodeRegisters('uint16', 'ABCD')([0xfffb], 0), 65531);
    assert.equal(decodeRegisters('uint16', 'ABCD')([-5], 0), 65531);
  });

  it('hold nothing where the message ends before, and no reading where it ends within', () => {
    const decode = decodeRegisters('float32', 'ABCD');
    for (const holder of [[1, 2], Buffer.alloc(4)]) {
      assert.equal(decode(holder, holder.length), undefined);
      assert.equal(decode(holder, holder.length - 1), null);
    }
    for (const holder of [undefined, null, '', '650', 5, {}]) assert.equal(decode(holder, 0), undefined);
    assert.equal(decode(undefined, undefined), undefined);
  });

  it('are no reading when they are none', () => {
    const decode = decodeRegisters('uint32', 'ABCD');
    for (const wrong of [65536, -32769, 1.5, Number.NaN, 'x', null, true, {}]) {
      assert.equal(decode([1, wrong], 0), null, String(wrong));
    }
    // A number that stands alone is one register.
    assert.equal(decodeRegisters('int16', 'ABCD')(0xfffb, undefined), -5);
    assert.equal(decode(5, undefined), null);
    assert.equal(decode({ a: 1 }, undefined), undefined, 'an object is of others');
  });

  it('made in a function node, which is another realm, read as well', () => {
    const holders = runInNewContext(
      '[new Uint16Array([0x4422, 0xa000]), new Uint8Array([0x44, 0x22, 0xa0, 0]), [0x4422, 0xa000]]',
    );
    for (const holder of holders) assert.equal(decodeRegisters('float32', 'ABCD')(holder, 0), 650.5);
  });

  it('are not changed by reading', () => {
    const bytes = Buffer.from([1, 2, 3, 4]);
    decodeRegisters('float32', 'DCBA')(bytes, 0);
    assert.deepEqual([...bytes], [1, 2, 3, 4]);
  });
});

describe('bits', () => {
  it('are those of the number that the registers hold', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.nat({ max: 31 }),
        fc.constantFrom(...ORDERS),
        (value, bit, order) => {
          const expected = Math.floor(value / 2 ** bit) % 2;
          const decode = decodeBit(bit, order);
          assert.equal(decode(value, undefined), expected);
          assert.equal(decode({ 3: value }, 3), expected);
          const type = bit < 16 ? 'uint16' : 'uint32';
          const wire = onWire(type, order, bit < 16 ? value % 2 ** 16 : value);
          assert.equal(decode(registersOf(wire), 0), expected);
          assert.equal(decode(Buffer.from(wire), 0), expected);
        },
      ),
    );
  });

  it('of a negative integer are those of its two’s complement', () => {
    assert.equal(decodeBit(31, 'ABCD')(-1, undefined), 1);
    assert.equal(decodeBit(0, 'ABCD')(-2, undefined), 0);
  });

  it('take true and false as bit 0, as coils are', () => {
    const coils = [true, false, true];
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => decodeBit(0, 'ABCD')(coils, index)),
      [1, 0, 1, undefined],
    );
    assert.equal(decodeBit(0, 'ABCD')(true, undefined), 1);
    assert.equal(decodeBit(1, 'ABCD')(true, undefined), null);
    assert.equal(decodeBit(1, 'ABCD')(coils, 0), null);
  });

  it('are none of what is no integer', () => {
    for (const wrong of [1.5, 2 ** 32, 'x', null, Number.NaN]) {
      assert.equal(decodeBit(0, 'ABCD')(wrong, undefined), null, String(wrong));
    }
    assert.equal(decodeBit(0, 'ABCD')({ a: 1 }, undefined), undefined);
  });
});

describe('numbers as they stand', () => {
  it('come as numbers, as text, and as the text in a Buffer', () => {
    assert.equal(decodeNumber(25.5, undefined), 25.5);
    assert.equal(decodeNumber(' 25.5\r\n', undefined), 25.5);
    assert.equal(decodeNumber(Buffer.from('2.5E-10\r\n'), undefined), 2.5e-10);
    assert.equal(decodeNumber(25n, undefined), 25);
    assert.equal(decodeNumber([7, 8], 1), 8);
    assert.equal(decodeNumber(Buffer.from([7, 8]), 1), 8);
  });

  it('are nothing where there is none, and no reading where something else stands', () => {
    for (const [holder, index] of [
      [undefined, undefined],
      ['650', 0],
      [[1], 1],
      [null, 0],
      [{ pressure: 1 }, undefined],
      [[1], undefined],
      [[{}], 0],
    ] as const) {
      assert.equal(decodeNumber(holder, index), undefined);
    }
    for (const other of [null, true, 'OFF', '', Buffer.from('off')]) {
      assert.equal(decodeNumber(other, undefined), null, String(other));
    }
  });
});
