import assert from 'node:assert/strict';
import arrays from '../../dist/uploader/frame-arrays.js';

const { flatFrames, isLendable } = arrays;
type Given = Parameters<typeof flatFrames>[0];

describe('frames given to the library', () => {
  const data = Uint8Array.from([1, 2, 3, 4, 5, 6]);

  it('may be (N,H,W) or (H,W), flat or nested', () => {
    const expected = { data, height: 2, width: 3 };
    assert.deepEqual(flatFrames({ data, shape: [2, 3] }), expected);
    assert.deepEqual(
      flatFrames([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      expected,
    );
    assert.deepEqual(flatFrames({ data, shape: [2, 1, 3] }), { data, height: 1, width: 3 });
    assert.deepEqual(flatFrames([[[1, 2, 3]], [[4, 5, 6]]]), { data, height: 1, width: 3 });
  });

  const refused: [string, unknown, string][] = [
    ['too few bytes', { data, shape: [2, 4] }, 'ERR_FRAME_SHAPE'],
    ['no shape', { data }, 'ERR_FRAME_SHAPE'],
    ['no frame at all', { data: new Uint8Array(0), shape: [0, 2, 3] }, 'ERR_FRAME_SHAPE'],
    ['four dimensions', { data, shape: [1, 1, 2, 3] }, 'ERR_FRAME_SHAPE'],
    ['16-bit data', { data: new Uint16Array(6), shape: [2, 3] }, 'ERR_FRAME_SHAPE'],
    [
      'ragged rows',
      [
        [1, 2, 3],
        [4, 5],
      ],
      'ERR_FRAME_SHAPE',
    ],
    ['ragged frames', [[[1], [2]], [[3]]], 'ERR_FRAME_SHAPE'],
    ['a value above 255', [[1, 256]], 'ERR_FRAME_FORMAT'],
    ['a fraction', [[1, 2.5]], 'ERR_FRAME_FORMAT'],
    ['an empty list', [], 'ERR_FRAME_SHAPE'],
  ];
  for (const [what, frames, code] of refused) {
    it(`may not be ${what}: ${code}`, () => {
      assert.throws(() => flatFrames(frames as Given), { code });
    });
  }

  it('are read in place only where nobody else can change their bytes or take them away', () => {
    const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]);
    assert.equal(isLendable(new Uint8Array(8)), true);
    assert.equal(isLendable(Buffer.alloc(8)), true);
    assert.equal(isLendable(new Uint8Array(new SharedArrayBuffer(8))), false);
    assert.equal(isLendable(new Uint8Array(resizable)), false);
  });
});
