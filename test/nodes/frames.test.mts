import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { readFrames } from '../../dist/nodes/rheed-stream/frames.js';
import { throwsCoded } from '../helpers/coded.mts';

const SIZE = { width: '4', height: '3' };
const PNG = Buffer.from('89504e470d0a1a0a0000000d', 'hex');
const JPEG = Buffer.from('ffd8ffe000104a46', 'hex');
const TIFF = Buffer.from('49492a0008000000', 'hex');
const PGM = Buffer.from('P5 # gray\n2 3\n255\n123456');
const BMP = Buffer.concat([Buffer.from('BM'), Buffer.alloc(12), Buffer.from([40, 0, 0, 0]), Buffer.alloc(8)]);

describe('frames of a message', () => {
  it('takes raw bytes of one or many frames without copying them', () => {
    const payload = Buffer.alloc(24, 7);
    const { parts, spec, stamps } = readFrames({ payload }, SIZE);
    assert.equal(parts.length, 1);
    assert.equal(parts[0]?.buffer, payload.buffer);
    assert.deepEqual(stamps, []);
    assert.deepEqual(spec, {
      format: 'mono8',
      width: 4,
      height: 3,
      headerBytes: 0,
      bigEndian: false,
      msbAligned: false,
      significantBits: 8,
      depth: 'full-scale',
      low: 0,
      high: 0,
    });
  });

  it('sees a view in the middle of a bigger buffer as the bytes it shows', () => {
    const whole = new Uint8Array(100).map((_, index) => index);
    const { parts } = readFrames({ payload: whole.subarray(30, 42) }, SIZE);
    assert.deepEqual([...(parts[0] ?? [])], [...whole.slice(30, 42)]);
    const words = new Uint16Array(whole.buffer, 10, 12);
    const [part] = readFrames({ payload: words }, SIZE).parts;
    assert.deepEqual([...(part ?? [])], [...whole.slice(10, 34)]);
  });

  it('refuses arrays that promise more than there is, without walking or holding them', () => {
    const holes = new Array(4_294_967_295);
    throwsCoded(() => readFrames({ payload: holes, shape: [3, 5] }, {}), 'ERR_FRAME_SHAPE');
    const ragged = [new Array(50_000).fill(1), ...new Array(50_000).fill([1])];
    throwsCoded(() => readFrames({ payload: ragged }, {}), 'ERR_FRAME_SHAPE', /at most 256000000/);
    throwsCoded(() => readFrames({ payload: [Buffer.alloc(12), undefined] }, SIZE), 'ERR_FRAME_FORMAT');
  });

  it('refuses stamps that are no time', () => {
    for (const timestamp of [1e15, -1e15, new Date(8.64e15), Number.NaN])
      throwsCoded(() => readFrames({ payload: Buffer.alloc(12), timestamp }, SIZE), 'ERR_VALUE');
  });

  it('takes buffers, arrays and dates made in a function node, which is another realm', () => {
    const msg = runInNewContext(
      '({ payload: [new Uint8Array(12)], shape: [3, 4], timestamps: [new Date(1000)] })',
    );
    const { parts, stamps } = readFrames(msg, {});
    assert.equal(parts[0]?.length, 12);
    assert.deepEqual(stamps, [1000]);
    assert.equal(readFrames(runInNewContext('({ payload: [[1, 2], [3, 4]] })'), {}).parts[0]?.length, 4);
  });

  it('tells encoded images from raw bytes by their beginning, and noise from a BMP', () => {
    for (const payload of [PNG, JPEG, TIFF, BMP, PGM]) {
      assert.equal(readFrames({ payload }, SIZE).spec.format, 'image');
    }
    const noise = Buffer.alloc(12, 200);
    for (const letters of ['BM', 'P5\n', 'P2 ', 'P5 4 3']) {
      noise.write(letters);
      assert.equal(readFrames({ payload: noise }, SIZE).spec.format, 'mono8');
    }
    throwsCoded(() => readFrames({ payload: [PNG, noise] }, SIZE), 'ERR_FRAME_FORMAT');
    throwsCoded(() => readFrames({ payload: noise, format: 'image' }, SIZE), 'ERR_FRAME_FORMAT');
  });

  it('msg.width, msg.height, msg.format and msg.shape override the settings', () => {
    const { spec } = readFrames({ payload: Buffer.alloc(16), width: 2, height: 4, format: 'Mono12' }, SIZE);
    assert.deepEqual([spec.width, spec.height, spec.format, spec.significantBits], [2, 4, 'mono12', 12]);
    const stack = readFrames({ payload: Buffer.alloc(40), shape: [2, 4, 5] }, SIZE).spec;
    assert.deepEqual([stack.height, stack.width, stack.format], [4, 5, 'mono8']);
    const colour = readFrames({ payload: Buffer.alloc(60), shape: [4, 5, 3] }, SIZE).spec;
    assert.deepEqual([colour.height, colour.width, colour.format], [4, 5, 'rgb8']);
    const gray = readFrames({ payload: Buffer.alloc(60), shape: [4, 5, 3], format: 'mono8' }, SIZE).spec;
    assert.deepEqual([gray.height, gray.width], [5, 3]);
    const bgr = readFrames({ payload: Buffer.alloc(36), format: 'bgr8' }, SIZE).spec;
    assert.deepEqual([bgr.height, bgr.width, bgr.format], [3, 4, 'bgr8']);
  });

  it('knows the bytes of a frame of every raw format, the last of packed ones filled up', () => {
    const bytes = {
      ...{ mono8: 15, mono10: 30, mono12: 30, mono16: 30, rgb8: 45, bgr8: 45, rgba8: 60 },
      ...{ mono10p: 19, mono12p: 23, mono10packed: 23, mono12packed: 23 },
      ...{ bayerrg8: 15, bayergr8: 15, bayergb8: 15, bayerbg8: 15 },
    };
    for (const [format, length] of Object.entries(bytes)) {
      const size = { width: 5, height: 3, format };
      const { spec } = readFrames({ payload: Buffer.alloc(2 * length), timestamps: [1, 2] }, size);
      assert.equal(spec.format, format);
      throwsCoded(() => readFrames({ payload: Buffer.alloc(length + 1) }, size), 'ERR_FRAME_SHAPE');
    }
  });

  it('knows of a header before each raw frame, and of none before images and numbers', () => {
    const settings = { ...SIZE, headerBytes: '640' };
    const { spec } = readFrames({ payload: Buffer.alloc(2 * 652), timestamps: [1, 2] }, settings);
    assert.equal(spec.headerBytes, 640);
    throwsCoded(
      () => readFrames({ payload: Buffer.alloc(24) }, settings),
      'ERR_FRAME_SHAPE',
      /multiple of 652 bytes .*header of 640/,
    );
    assert.equal(readFrames({ payload: [[1, 2]] }, { headerBytes: 640 }).spec.headerBytes, 0);
    assert.equal(readFrames({ payload: PNG }, settings).spec.format, 'image');
    throwsCoded(() => readFrames({ payload: PNG }, { headerBytes: -1 }), 'ERR_SETTINGS');
  });

  it('reads numbers in a packed format as the samples they are', () => {
    for (const [format, unpacked] of [
      ['mono10p', 'mono10'],
      ['mono12packed', 'mono12'],
    ]) {
      const { spec, parts } = readFrames({ payload: [[1000, 1, 2]], format }, {});
      assert.deepEqual([spec.format, parts[0]?.length], [unpacked, 6]);
    }
    const mosaic = readFrames({ payload: Buffer.alloc(60), shape: [4, 5, 3], format: 'bayerrg8' }, {}).spec;
    assert.deepEqual([mosaic.height, mosaic.width], [5, 3]);
  });

  it('reads the region, none when it is the whole frame', () => {
    const read = (settings: Record<string, unknown>) => readFrames({ payload: PNG }, settings).spec.region;
    assert.equal(read({ cropX: '', cropY: '0', cropWidth: 0, bin: '1', flip: 'none' }), undefined);
    assert.deepEqual(read({ cropX: '10', cropWidth: 20, bin: '2', flip: 'both' }), {
      ...{ x: 10, y: 0, width: 20, height: 0 },
      ...{ bin: 2, flip: 'both' },
    });
    for (const wrong of [{ cropX: -1 }, { cropHeight: 1.5 }, { bin: 3 }, { bin: 'two' }, { flip: 'up' }])
      throwsCoded(() => read(wrong), 'ERR_SETTINGS');
  });

  it('takes Uint16Array as 16-bit samples in the order of the machine', () => {
    const payload = Uint16Array.of(1, 2, 3, 4);
    const { parts, spec } = readFrames({ payload, shape: [2, 2] }, { byteOrder: 'big' });
    assert.equal(spec.format, 'mono16');
    const view = new DataView(parts[0]?.buffer as ArrayBuffer);
    assert.equal(view.getUint16(2, !spec.bigEndian), 2);
    throwsCoded(() => readFrames({ payload, shape: [2, 2], format: 'mono8' }, {}), 'ERR_FRAME_FORMAT');
  });

  it('takes nested number arrays of every shape', () => {
    const flat = readFrames({ payload: [1, 2, 3, 4, 5, 6], shape: [2, 3] }, {});
    assert.deepEqual([...(flat.parts[0] ?? [])], [1, 2, 3, 4, 5, 6]);
    const stack = readFrames({ payload: [[[1, 2]], [[3, 4]]] }, {});
    assert.deepEqual([stack.spec.height, stack.spec.width, ...(stack.parts[0] ?? [])], [1, 2, 1, 2, 3, 4]);
    const colour = readFrames({ payload: [[[1, 2, 3]], [[4, 5, 6]]] }, {});
    assert.deepEqual([colour.spec.height, colour.spec.width, colour.spec.format], [2, 1, 'rgb8']);
    const deep = readFrames({ payload: [[4095, 256]], format: 'mono12' }, {});
    const view = new DataView(deep.parts[0]?.buffer as ArrayBuffer);
    assert.deepEqual(
      [view.getUint16(0, !deep.spec.bigEndian), view.getUint16(2, !deep.spec.bigEndian)],
      [4095, 256],
    );
  });

  it('gives number arrays of any shape back as their bytes', () => {
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 4, max: 6 }),
    );
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.integer({ min: 0, max: 255 })), ([n, h, w], values) => {
        const pixels = Array.from({ length: n * h * w }, () => values.next().value as number);
        const rows = Array.from({ length: n * h }, (_, row) => pixels.slice(row * w, (row + 1) * w));
        const payload = Array.from({ length: n }, (_, frame) => rows.slice(frame * h, (frame + 1) * h));
        const { parts, spec } = readFrames({ payload, timestamps: Array(n).fill(1) }, {});
        assert.deepEqual([...(parts[0] ?? [])], pixels);
        assert.deepEqual([spec.height, spec.width], [h, w]);
      }),
    );
  });

  it('reads capture times of a message', () => {
    const payload = Buffer.alloc(24);
    const stamps = (extra: object) => readFrames({ payload, ...extra }, SIZE).stamps;
    assert.deepEqual(stamps({ timestamp: 1_700_000_000_123 }), [1_700_000_000_123]);
    assert.deepEqual(stamps({ timestamp: new Date(5000) }), [5000]);
    assert.deepEqual(stamps({ timestamp: '1970-01-01T00:00:01.500Z' }), [1500]);
    assert.deepEqual(stamps({ timestamp: '1970-01-01T01:00:00+01:00' }), [0]);
    assert.deepEqual(stamps({ timestamps: [1, '1970-01-01T00:00:00.002Z'] }), [1, 2]);
  });

  it('reads depth settings', () => {
    const read = (settings: object) =>
      readFrames({ payload: Buffer.alloc(24), format: 'mono12' }, { ...SIZE, ...settings }).spec;
    assert.equal(read({ byteOrder: 'big' }).bigEndian, true);
    assert.equal(read({ significantBits: '10' }).significantBits, 10);
    assert.deepEqual([read({}).msbAligned, read({ align: 'msb' }).msbAligned], [false, true]);
    throwsCoded(() => read({ align: 'middle' }), 'ERR_SETTINGS');
    const image = (settings: Record<string, unknown>) =>
      readFrames({ payload: PNG }, settings).spec.significantBits;
    assert.deepEqual([image({}), image({ significantBits: 12 })], [0, 12]);
    assert.equal(read({ depth: 'frame-max' }).depth, 'frame-max');
    const window = read({ depth: 'window', low: '100', high: '' });
    assert.deepEqual([window.low, window.high], [100, 4095]);
    throwsCoded(() => read({ depth: 'window', low: 5, high: 5 }), 'ERR_SETTINGS');
    throwsCoded(() => read({ depth: 'log' }), 'ERR_SETTINGS');
    throwsCoded(() => read({ significantBits: 17 }), 'ERR_SETTINGS');
    throwsCoded(() => read({ byteOrder: 'middle' }), 'ERR_SETTINGS');
  });

  const refused: [string, string, object, object?][] = [
    ['a length that is not whole frames', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(13) }],
    ['an empty buffer', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(0) }],
    ['an empty buffer without a size', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(0) }, {}],
    ['an empty buffer among frames', 'ERR_FRAME_SHAPE', { payload: [Buffer.alloc(12), Buffer.alloc(0)] }],
    ['an empty array', 'ERR_FRAME_SHAPE', { payload: [] }],
    ['an array of nothing', 'ERR_FRAME_SHAPE', { payload: [[]] }],
    ['bytes that are no image, without a size', 'ERR_FRAME_FORMAT', { payload: Buffer.alloc(12) }, {}],
    ['a colour format without a shape', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(12), format: 'rgb8' }, {}],
    ['a string', 'ERR_FRAME_FORMAT', { payload: 'frame' }],
    ['null', 'ERR_FRAME_FORMAT', { payload: null }],
    ['no payload', 'ERR_FRAME_FORMAT', {}],
    ['an object', 'ERR_FRAME_FORMAT', { payload: { type: 'Buffer', data: [1] } }],
    ['a boolean', 'ERR_FRAME_FORMAT', { payload: true }],
    ['a number', 'ERR_FRAME_FORMAT', { payload: 12 }],
    ['a float array', 'ERR_FRAME_FORMAT', { payload: new Float32Array(12) }],
    ['null among buffers', 'ERR_FRAME_FORMAT', { payload: [Buffer.alloc(12), null] }],
    ['ragged rows', 'ERR_FRAME_SHAPE', { payload: [[1, 2], [3]] }, {}],
    ['rows that are numbers', 'ERR_FRAME_SHAPE', { payload: [[1, 2], 3] }, {}],
    ['a number above 255', 'ERR_FRAME_FORMAT', { payload: [[1, 256]] }, {}],
    ['a number below 0', 'ERR_FRAME_FORMAT', { payload: [[1, -1]] }, {}],
    ['a fraction', 'ERR_FRAME_FORMAT', { payload: [[1, 0.5]] }, {}],
    ['NaN', 'ERR_FRAME_FORMAT', { payload: [[1, Number.NaN]] }, {}],
    ['numbers as text', 'ERR_FRAME_FORMAT', { payload: [['1', '2']] }, {}],
    ['a number above 65535 in 16 bits', 'ERR_FRAME_FORMAT', { payload: [[65_536]], format: 'mono16' }, {}],
    ['four dimensions', 'ERR_FRAME_SHAPE', { payload: [[[[1]]]] }, {}],
    ['an array of another size than told', 'ERR_FRAME_SHAPE', { payload: [[1, 2]], shape: [2, 1] }, {}],
    ['more frames than the shape says', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(36), shape: [2, 3, 4] }],
    ['a shape that is no shape', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(12), shape: [12] }],
    ['a shape of text', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(12), shape: '3,4' }],
    ['a width of 0', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(12), width: 0 }],
    ['a width that is no number', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(12), width: 'wide' }],
    ['over 64 megapixels', 'ERR_FRAME_SHAPE', { payload: Buffer.alloc(12), shape: [8001, 8000] }],
    ['an unknown format', 'ERR_FRAME_FORMAT', { payload: Buffer.alloc(12), format: 'mono9' }],
    ['a format that is no text', 'ERR_FRAME_FORMAT', { payload: Buffer.alloc(12), format: 8 }],
    ['numbers for an encoded image', 'ERR_FRAME_FORMAT', { payload: [[1]], format: 'image' }, {}],
    ['a timestamp that is no time', 'ERR_VALUE', { payload: Buffer.alloc(12), timestamp: 'yesterday' }],
    ['a timestamp of digits in text', 'ERR_VALUE', { payload: Buffer.alloc(12), timestamp: '1700000000000' }],
    ['a timestamp of NaN', 'ERR_VALUE', { payload: Buffer.alloc(12), timestamp: Number.NaN }],
    ['an invalid Date', 'ERR_VALUE', { payload: Buffer.alloc(12), timestamp: new Date('x') }],
    ['another count of timestamps', 'ERR_VALUE', { payload: Buffer.alloc(24), timestamps: [1] }],
    ['no timestamps in the list', 'ERR_VALUE', { payload: Buffer.alloc(12), timestamps: [] }],
    ['timestamps that are no list', 'ERR_VALUE', { payload: Buffer.alloc(12), timestamps: 5 }],
  ];
  for (const [what, code, msg, settings = SIZE] of refused) {
    it(`refuses ${what} with ${code}`, () =>
      throwsCoded(() => readFrames(msg, settings as Record<string, unknown>), code));
  }
});
