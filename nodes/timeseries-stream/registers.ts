/** Numbers from the registers of a controller, or from their bytes. */
import { tagOf } from '../common/kinds.js';
import { asNumber } from './values.js';

/** How the bytes of a number lie in its registers, by the letters on the wire; `A` is the highest byte. */
export const ORDERS = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type Order = (typeof ORDERS)[number];

export const REGISTER_TYPES = ['int16', 'uint16', 'int32', 'uint32', 'float32', 'float64'] as const;
export type RegisterType = (typeof REGISTER_TYPES)[number];

/** A raw value: undefined when the message has none there, null when what is there is no reading. */
export type Raw = number | null | undefined;

/** Reads a raw value from the `index`-th register of `holder`, or from `holder` itself when there is no index. */
export type Decode = (holder: unknown, index: number | undefined) => Raw;

interface Layout {
  /** Bytes. */
  readonly width: 2 | 4 | 8;
  read(view: DataView): number;
}

const LAYOUTS: Readonly<Record<RegisterType, Layout>> = {
  int16: { width: 2, read: (view) => view.getInt16(0) },
  uint16: { width: 2, read: (view) => view.getUint16(0) },
  int32: { width: 4, read: (view) => view.getInt32(0) },
  uint32: { width: 4, read: (view) => view.getUint32(0) },
  float32: { width: 4, read: (view) => view.getFloat32(0) },
  float64: { width: 8, read: (view) => view.getFloat64(0) },
};

/** For each byte of the big-endian number, which byte on the wire it is. */
function wirePlaces(width: number, order: Order): number[] {
  const swapsWords = order === 'CDAB' || order === 'DCBA';
  const swapsBytes = order === 'BADC' || order === 'DCBA';
  return Array.from({ length: width }, (_, place) => {
    const word = place >> 1;
    const byte = place & 1;
    return 2 * (swapsWords ? width / 2 - 1 - word : word) + (swapsBytes ? 1 - byte : byte);
  });
}

/** A register: 16 bits, signed or not, as a number or as text. */
function asRegister(value: unknown): number | undefined {
  const number = asNumber(value);
  return number !== undefined && Number.isInteger(number) && number >= -32768 && number <= 65535
    ? number & 0xffff
    : undefined;
}

type Bytes = Uint8Array;
type Registers = readonly unknown[] | Uint16Array | Int16Array;

// By their tags: a function node's typed arrays are of another realm.
const isBytes = (value: unknown): value is Bytes =>
  ArrayBuffer.isView(value) && tagOf(value) === 'Uint8Array';

const isRegisters = (value: unknown): value is Registers =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && /^U?[Ii]nt16Array$/.test(tagOf(value)));

/**
 * An object or a list where one value is read: what a message about something else has there, as
 * `{"pressure": 1e-9}` for a row that reads `payload`.
 */
const isOfOthers = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** What stands at an index; a text has no members that are readings. */
function member(holder: unknown, index: number | undefined): unknown {
  if (index === undefined) return holder;
  return typeof holder === 'object' ? (holder as Record<number, unknown> | null)?.[index] : undefined;
}

/** A reader of one layout; its scratch bytes are used within one call only. */
function reader(
  { width, read }: Layout,
  order: Order,
): (bytes: Bytes | Registers, from: number) => number | null {
  const scratch = new Uint8Array(width);
  const view = new DataView(scratch.buffer);
  const places = wirePlaces(width, order);
  const fromBytes = (bytes: Bytes, from: number): number | null => {
    if (from + width > bytes.length) return null;
    for (let place = 0; place < width; place += 1) {
      scratch[place] = bytes[from + (places[place] as number)] as number;
    }
    return read(view);
  };
  const wire = new Uint8Array(width);
  const fromRegisters = (registers: Registers, from: number): number | null => {
    for (let word = 0; word < width / 2; word += 1) {
      const register = asRegister(registers[from + word]);
      if (register === undefined) return null;
      wire[2 * word] = register >> 8;
      wire[2 * word + 1] = register & 0xff;
    }
    return fromBytes(wire, 0);
  };
  return (holder, from) => (isBytes(holder) ? fromBytes(holder, from) : fromRegisters(holder, from));
}

/** Finds where to read: registers or bytes at an index, else the one value that stands there. */
function decoder(
  read: (holder: Bytes | Registers, from: number) => number | null,
  ofOne: (value: unknown) => number | null,
): Decode {
  return (holder, index) => {
    if (isBytes(holder) || isRegisters(holder)) {
      const from = index ?? 0;
      return from < holder.length ? read(holder, from) : undefined;
    }
    const value = member(holder, index);
    if (value === undefined) return undefined;
    if (isBytes(value) || isRegisters(value)) return read(value, 0);
    return isOfOthers(value) ? undefined : ofOne(value);
  };
}

/**
 * Decodes a number from one, two or four registers, first register first: an array of them, or their bytes in a
 * Buffer, where an index counts bytes. `order` holds for wider numbers likewise: CDAB turns the registers round,
 * BADC the bytes of each, DCBA both.
 */
export function decodeRegisters(type: RegisterType, order: Order): Decode {
  const read = reader(LAYOUTS[type], order);
  // A single number is a register of its own; a wider type cannot be in it.
  return decoder(read, (value) => (LAYOUTS[type].width === 2 ? read([value], 0) : null));
}

/** An integer of up to 32 bits, as status words are. */
function asWord(value: unknown): number | undefined {
  const number = asNumber(value);
  return number !== undefined && Number.isInteger(number) && number >= -(2 ** 31) && number < 2 ** 32
    ? number >>> 0
    : undefined;
}

/**
 * Decodes one bit, 0 the lowest: of a register, from bit 16 on of two in `order`; of an integer that stands alone;
 * bit 0 of true and false, as coils are.
 */
export function decodeBit(bit: number, order: Order): Decode {
  const read = reader(LAYOUTS[bit < 16 ? 'uint16' : 'uint32'], order);
  const ofWord = (word: number | null | undefined): number | null =>
    word === null || word === undefined ? null : (word >>> bit) & 1;
  const ofOne = (value: unknown): number | null =>
    typeof value === 'boolean' ? (bit === 0 ? Number(value) : null) : ofWord(asWord(value));
  const ofMany = decoder((holder, from) => ofWord(read(holder, from)), ofOne);
  return (holder, index) => {
    const coil = Array.isArray(holder) ? holder[index ?? 0] : undefined;
    return typeof coil === 'boolean' ? ofOne(coil) : ofMany(holder, index);
  };
}

/** Takes a number as it stands, as text, or as the text in a Buffer. */
export const decodeNumber: Decode = (holder, index) => {
  const value = member(holder, index);
  if (value === undefined) return undefined;
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (isBytes(value)) {
    return asNumber(Buffer.from(value.buffer, value.byteOffset, value.length).toString()) ?? null;
  }
  return isOfOthers(value) ? undefined : (asNumber(value) ?? null);
};
