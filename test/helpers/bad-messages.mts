/** Messages as no node should get them: valid ones of every documented form, spoilt by a seeded generator. */
import { deflateSync } from 'node:zlib';

export type Target = 'rheed' | 'series' | 'table';
type Bag = Record<string | number, unknown>;

/** A small generator of pseudo-random numbers (mulberry32): the same seed, the same messages. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 ≤ number < 1. */
  roll(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(bound: number): number {
    return Math.floor(this.roll() * bound);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Message `number` of a run; made of its seed and number alone, so that one message can be replayed. */
export function badMessage(seed: number, number: number): { target: Target; msg: Bag } {
  const dice = new Dice(Math.imul(seed, 0x9e3779b1) ^ number);
  // The first numbers of neighbouring states are alike.
  for (let skip = 0; skip < 3; skip += 1) dice.roll();
  const target = dice.pick(['rheed', 'rheed', 'series', 'series', 'table'] as const);
  const forms = [...(target === 'rheed' ? FRAMES : READINGS), ...COMMON];
  const msg = dice.pick(forms)(dice) as Bag;
  if (dice.roll() < 0.3) msg.stream = dice.pick(KEYS);
  for (let times = 1 + dice.below(3); times > 0; times -= 1) spoil(msg, dice);
  return { target, msg };
}

const KEYS = [
  '',
  'a',
  '../..',
  '../../etc/passwd',
  'nul\0byte',
  '__proto__',
  'constructor',
  'x'.repeat(10_000),
];

const frame = (dice: Dice): Buffer => Buffer.alloc(8, dice.below(256));

/** Valid data for a 4×2 stream, and images of that size. */
const FRAMES: readonly ((dice: Dice) => object)[] = [
  (dice) => ({ payload: frame(dice) }),
  (dice) => ({ payload: Buffer.concat([frame(dice), frame(dice)]), timestamps: [1.7e12, 1.7e12 + 100] }),
  (dice) => ({ payload: new Uint8Array(frame(dice)), shape: [2, 4], timestamp: '2026-01-01T00:00:00Z' }),
  () => ({ payload: new Uint16Array(8), width: 4, height: 2, format: 'mono16' }),
  (dice) => ({ payload: [frame(dice), frame(dice)], timestamp: new Date(1.7e12) }),
  () => ({
    payload: [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ],
  }),
  () => ({
    payload: [
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    ],
  }),
  () => ({ payload: Array.from({ length: 24 }, (_, n) => n), shape: [2, 4, 3], format: 'rgb8' }),
  // Whole frames of all of them.
  ...[
    ...['mono8', 'mono10', 'mono12', 'mono10p', 'mono12p', 'mono10packed', 'mono12packed'],
    ...['bgr8', 'rgba8', 'bayerrg8', 'image', 'auto'],
  ].map((format) => () => ({ payload: Buffer.alloc(480, 7), width: 4, height: 2, format })),
  (dice) => ({ payload: image(dice) }),
  (dice) => ({ payload: image(dice) }),
  (dice) => ({ payload: [image(dice), image(dice)], format: 'image' }),
];

const series = { timestamps: [1.7e9, 1.7e9 + 1], values: [1, 2], units: 'C' };

/** Valid readings, and registers for a table of `payload.t` and `payload[2]`. */
const READINGS: readonly ((dice: Dice) => object)[] = [
  () => ({ payload: 25.5, channel: 'T' }),
  () => ({ payload: '1e-9', topic: 'lab/mbe/pressure' }),
  () => ({ payload: { temperature: 25, pressure: 1e-9 }, timestamp: 1.7e12 }),
  () => ({ payload: structuredClone(series), channel: 'T' }),
  () => ({ payload: { channels: { T: structuredClone(series), P: structuredClone(series) } } }),
  () => ({
    payload: [
      { channel: 'T', timestamp: 1.7e9, value: 1, units: 'C' },
      { channel: 'P', timestamp: 1.7e9, value: 2 },
    ],
  }),
  () => ({ payload: { timestamps: Float64Array.of(1.7e9), values: Float32Array.of(3) }, channel: 'T' }),
  () => ({ payload: { t: 20 } }),
  () => ({ payload: [1, 2, 65_535] }),
];

const COMMON: readonly ((dice: Dice) => object)[] = [
  (dice) => ({ action: dice.pick(['start', 'flush', 'status', 'finalize', 'START', 5, {}, ['start']]) }),
  (dice) => ({ action: 'start', stream: 'settings', settings: settings(dice) }),
  (dice) => ({ payload: 1, channel: 'T', stream: 'settings', settings: settings(dice) }),
];

function settings(dice: Dice): Bag {
  const all: Bag = {
    ...{
      fps: 10,
      chunkSize: 20,
      rotationsPerMin: 0,
      streamName: 'x',
      physicalSample: 's',
      projectId: 'p',
      tags: 'a,b',
    },
    ...{ azimuth: '[110]', format: 'mono8', width: 4, height: 2, byteOrder: 'little', significantBits: 12 },
    ...{ depth: 'window', low: 1, high: 5, pointsPerChunk: 5, flushInterval: 0, rowWindow: 5, fill: 'gap' },
    ...{ idleTimeout: 0, channels: [{ source: 'payload.t', sourceType: 'msg', channel: 'T', scale: 2 }] },
  };
  const names = Object.keys(all).filter(() => dice.roll() < 0.2);
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}

// ── spoiling ────────────────────────────────────────────────────────────────────────────────────────────────

/** Changes one thing anywhere in the message. */
function spoil(msg: Bag, dice: Dice): void {
  try {
    const [holder, key] = place(msg, dice);
    spoilAt(holder, key, dice);
  } catch {
    // An earlier change made this place unreadable or unwritable: bad enough.
  }
}

/** A property of the message, or of something inside it. */
function place(msg: Bag, dice: Dice): [Bag, string | number] {
  let holder = msg;
  let key = dice.pick([...Object.keys(msg), 'payload', 'payload', dice.pick(NAMES)]);
  for (let depth = dice.below(4); depth > 0; depth -= 1) {
    const inner = holder[key];
    const canEnter = Array.isArray(inner) || Object.getPrototypeOf(inner ?? 0) === Object.prototype;
    const names = canEnter ? Object.keys(inner as object) : [];
    if (names.length === 0) break;
    holder = inner as Bag;
    key = dice.pick(names);
  }
  return [holder, key];
}

const NAMES = [
  'timestamp',
  'timestamps',
  'stream',
  'action',
  'shape',
  'width',
  'height',
  'format',
  'channel',
  'topic',
  'settings',
];

function spoilAt(holder: Bag, key: string | number, dice: Dice): void {
  const value = holder[key];
  switch (dice.below(8)) {
    case 0:
      delete holder[key];
      return;
    case 1:
      Object.defineProperty(holder, key, {
        enumerable: true,
        configurable: true,
        get: () => {
          throw dice.roll() < 0.5 ? new Error('a getter that throws') : Symbol('thrown');
        },
      });
      return;
    case 2:
      holder[key] = proxied(value, dice);
      return;
    case 3:
      if (ArrayBuffer.isView(value)) {
        holder[key] = damaged(value as Uint8Array, dice);
        return;
      }
      break;
    case 4:
      holder[key] = dice.pick([[value], [[value]], { value }, { payload: value, channels: { T: value } }]);
      return;
    case 5:
      if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
        const name = dice.pick([
          '__proto__',
          'constructor',
          'toString',
          'hasOwnProperty',
          'channels',
          'values',
          'length',
          'then',
        ]);
        Object.defineProperty(value, name, {
          value: hostile(dice),
          enumerable: true,
          configurable: true,
          writable: true,
        });
        return;
      }
      break;
    default:
  }
  holder[key] = hostile(dice);
}

function proxied(value: unknown, dice: Dice): unknown {
  const fails = () => {
    throw new Error('a proxy that throws');
  };
  const target = typeof value === 'object' && value !== null ? value : { value };
  return dice.pick([
    () => new Proxy(target, {}),
    () => new Proxy(target, { get: fails, has: fails, ownKeys: fails, getOwnPropertyDescriptor: fails }),
    () => new Proxy(target, { ownKeys: fails }),
    () => {
      const { proxy, revoke } = Proxy.revocable(target, {});
      revoke();
      return proxy;
    },
  ])();
}

function damaged(view: ArrayBufferView, dice: Dice): Buffer {
  const bytes = Buffer.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  if (bytes.length === 0) return bytes;
  if (dice.roll() < 0.3) return bytes.subarray(0, dice.below(bytes.length));
  if (dice.roll() < 0.2) return Buffer.concat([bytes, Buffer.alloc(1 + dice.below(100), dice.below(256))]);
  for (let times = 1 + dice.below(4); times > 0; times -= 1) {
    bytes[dice.below(Math.min(bytes.length, dice.pick([40, bytes.length])))] = dice.pick([
      0,
      1,
      127,
      128,
      255,
      dice.below(256),
    ]);
  }
  return bytes;
}

function hostile(dice: Dice): unknown {
  return dice.pick(HOSTILE)();
}

function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = wrap(value);
  return value;
}

function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

const HOSTILE: readonly (() => unknown)[] = [
  ...[
    null,
    undefined,
    true,
    false,
    '',
    ' ',
    'x',
    '\0',
    '../..',
    'é'.repeat(300),
    'NaN',
    '0x10',
    '1e999',
    '12abc',
  ].map((value) => () => value),
  ...[Number.NaN, Infinity, -Infinity, -0, 0, -1, 0.5, 1e308, 2 ** 31, 2 ** 32, 2 ** 53, 5e-324].map(
    (value) => () => value,
  ),
  ...[1n, 2n ** 70n, Symbol('bad'), Symbol.iterator, () => 1, class {}].map((value) => () => value),
  () => 'x'.repeat(100_000),
  () => new Date(Number.NaN),
  () => new Date(8.64e15),
  () => new Date(-8.64e15),
  () => '+275760-09-13T00:00:00.000Z',
  () => '2026-13-45T99:00:00Z',
  () => ({}),
  () => [],
  () => [[]],
  () => [[], [1]],
  () => new Array(100_000),
  () => ({ length: 2 ** 53, 0: 1 }),
  () => nested(20_000, (inner) => [inner]),
  () => nested(2_000, (inner) => ({ inner })),
  () => {
    const loop: Bag = { channel: 'T' };
    loop.self = loop;
    return loop;
  },
  () => {
    const loop: unknown[] = [1];
    loop.push(loop);
    return loop;
  },
  () => new Map([['T', 1]]),
  () => new Set([1]),
  () => Promise.resolve(1),
  () => new Error('an error as a value'),
  () => Object.create(null),
  () => JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}'),
  () => JSON.parse('{"channels": {"__proto__": {"timestamps": [1], "values": [1]}}}'),
  () => ({
    channels: Object.fromEntries(
      Array.from({ length: 2000 }, (_, n) => [`c${n}`, { timestamps: [1], values: [n] }]),
    ),
  }),
  detached,
  () => new Uint8Array(new SharedArrayBuffer(8)),
  () => new Uint8Array(Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }])),
  () => new SharedArrayBuffer(8),
  () => new ArrayBuffer(8),
  () => new DataView(new ArrayBuffer(8)),
  () => new Float32Array(8),
  () => new BigInt64Array(1),
  () => Buffer.alloc(0),
  () => Buffer.alloc(7),
  () => [Buffer.alloc(8), Buffer.alloc(0)],
  () => [Buffer.alloc(8), null],
  () => [8001, 8000],
  () => [2, 4, 2 ** 31],
  () => [-1, 4],
];

// ── images of 4×2 pixels ────────────────────────────────────────────────────────────────────────────────────

function image(dice: Dice): Buffer {
  return Buffer.from(dice.pick([PNG, BMP, TIFF, JPEG]));
}

function pngChunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  let crc = 0xffffffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(~crc >>> 0);
  return Buffer.concat([length, body, sum]);
}

const PNG = Buffer.concat([
  Buffer.from('89504e470d0a1a0a', 'hex'),
  pngChunk('IHDR', Buffer.from('00000004000000020800000000', 'hex')),
  pngChunk('IDAT', deflateSync(Buffer.from('00010203040005060708', 'hex'))),
  pngChunk('IEND', Buffer.alloc(0)),
]);

/** Top down, 24 bits a pixel. */
const BMP = Buffer.concat([
  Buffer.from('424d4e0000000000000036000000', 'hex'),
  Buffer.from(
    '2800000004000000feffffff0100180000000000180000000000000000000000000000000000000000',
    'hex',
  ).subarray(0, 40),
  Buffer.alloc(24, 9),
]);

/** One strip behind the directory. */
const TIFF = ((): Buffer => {
  const tags = [
    [256, 4],
    [257, 2],
    [258, 8],
    [259, 1],
    [262, 1],
    [273, 122],
    [277, 1],
    [278, 2],
    [279, 8],
  ] as const;
  const directory = Buffer.alloc(2 + 12 * tags.length + 4);
  directory.writeUInt16LE(tags.length);
  for (const [index, [tag, value]] of tags.entries()) {
    const at = 2 + 12 * index;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(tag === 273 || tag === 279 ? 4 : 3, at + 2);
    directory.writeUInt32LE(1, at + 4);
    directory.writeUInt32LE(value, at + 8);
  }
  return Buffer.concat([
    Buffer.from('49492a0008000000', 'hex'),
    directory,
    Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]),
  ]);
})();

const JPEG = Buffer.from(
  [
    '/9j/4AAQSkZJRgABAgAAAQABAAD/2wBDAAgEBAQEBAUFBQUFBQYGBgYGBgYGBgYGBgYHBwcICAgHBwcGBgcHCAgICA',
    'kJCQgICAgJCQoKCgwMCwsODg4RERT/xABKAAEAAAAAAAAAAAAAAAAAAAAAAQEAAAAAAAAAAAAAAAAAAAAAEAEAAAAA',
    'AAAAAAAAAAAAAAAAEQEAAAAAAAAAAAAAAAAAAAAA/8AAEQgAAgAEAwESAAISAAMSAP/aAAwDAQACEQMRAD8AAA//2Q',
    '==',
  ].join(''),
  'base64',
);
