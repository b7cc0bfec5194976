import assert from 'node:assert/strict';
import { withSize, withTime } from '../../../dist/nodes/rheed-stream/completed.js';
import { timeOfFilename } from '../../../dist/nodes/rheed-stream/filename-time.js';
import { throwsCoded } from '../../helpers/coded.mts';

describe('time in a file name', () => {
  const local = (year: number, month: number, day: number, ...rest: number[]) => {
    const [hours = 0, minutes = 0, seconds = 0, ms = 0] = rest;
    return new Date(year, month, day, hours, minutes, seconds, ms).getTime();
  };

  it('is read by a pattern, in local time', () => {
    const name = 'image_2024-01-31___12-00-05.123.tif';
    assert.equal(timeOfFilename(name, 'YYYY-MM-DD___HH-mm-ss.SSS'), local(2024, 0, 31, 12, 0, 5, 123));
    assert.equal(
      timeOfFilename(`/data/run 2023-01-01/${name}`, 'YYYY-MM-DD___HH-mm-ss.SSS'),
      local(2024, 0, 31, 12, 0, 5, 123),
    );
    assert.equal(timeOfFilename(`C:\\data\\${name}`, 'YYYY-MM-DD___HH-mm-ss'), local(2024, 0, 31, 12, 0, 5));
    assert.equal(timeOfFilename('20240131120005.png', 'YYYYMMDDHHmmss'), local(2024, 0, 31, 12, 0, 5));
    const basler = 'Basler_acA1920-40gm__22262391__20240131_120005123_0001.tiff';
    assert.equal(timeOfFilename(basler, 'YYYYMMDD_HHmmssSSS'), local(2024, 0, 31, 12, 0, 5, 123));
    assert.equal(
      timeOfFilename('Image_20240131120005123.bmp', 'YYYYMMDDHHmmssSSS'),
      local(2024, 0, 31, 12, 0, 5, 123),
    );
    assert.equal(timeOfFilename('31.01.2024.png', 'DD.MM.YYYY'), local(2024, 0, 31));
  });

  it('is UTC or has an offset where the pattern says so', () => {
    const time = Date.UTC(2024, 0, 31, 12, 0, 5);
    assert.equal(timeOfFilename('20240131T120005Z.tif', 'YYYYMMDDTHHmmssZ'), time);
    assert.equal(timeOfFilename('20240131T140005+02:00.tif', 'YYYYMMDDTHHmmssZ'), time);
    assert.equal(timeOfFilename('20240131T140005+0200.tif', 'YYYYMMDDTHHmmssZ'), time);
    assert.equal(timeOfFilename('2024-01-31 120005.tif', 'YYYY-MM-DD HHmmss UTC'), time);
  });

  it('can be Unix seconds or milliseconds, with a fraction of any length', () => {
    assert.equal(timeOfFilename('frame_1706702405.tif', 'X'), 1_706_702_405_000);
    assert.equal(timeOfFilename('frame_1706702405.25.tif', 'X.SS'), 1_706_702_405_250);
    assert.equal(timeOfFilename('frame_000017_1706702405123.tif', 'x'), 1_706_702_405_123);
    assert.equal(
      timeOfFilename('a 2024-01-31 00-00-00_500000', 'YYYY-MM-DD HH-mm-ss_SSSSSS UTC'),
      Date.UTC(2024, 0, 31) + 500,
    );
  });

  it('can stand among texts', () => {
    const pattern = '[glassMM]_*_YYYY-MM-DD';
    assert.equal(timeOfFilename('glassMM_sample 7_2024-01-31.tif', pattern), local(2024, 0, 31));
    throwsCoded(() => timeOfFilename('glass01_sample 7_2024-01-31.tif', pattern), 'ERR_VALUE');
    assert.equal(
      timeOfFilename('a(b)+[c]_2024-01-31', 'a(b)+[[c]]_YYYY-MM-DD'.replace('[[c]]', '*')),
      local(2024, 0, 31),
    );
  });

  it('is refused when the name has none, or one that is no time', () => {
    for (const name of ['image.tif', '2024-13-31.tif', '2024-02-30.tif', '24-01-31.tif', 5, undefined])
      throwsCoded(() => timeOfFilename(name, 'YYYY-MM-DD'), 'ERR_VALUE', /filenameTime/);
    throwsCoded(() => timeOfFilename('12-00.tif', 'HH-mm'), 'ERR_SETTINGS');
  });

  it('counts only when neither the message nor MQTT says', () => {
    const settings = { filenameTime: 'x' };
    const filename = 'f_1706702405123.tif';
    assert.equal(withTime({ filename }, settings).timestamp, 1_706_702_405_123);
    assert.equal(withTime({ filename }, {}).timestamp, undefined);
    assert.equal(withTime({}, settings).timestamp, undefined);
    assert.equal(withTime({ filename, userProperties: { timestamp: '5.5' } }, settings).timestamp, 5.5);
    assert.equal(
      withTime({ filename, timestamp: 7, userProperties: { timestamp: '5' } }, settings).timestamp,
      7,
    );
    assert.equal(withTime({ filename, timestamps: [1] }, settings).timestamp, undefined);
    const iso = '2024-01-31T12:00:00Z';
    assert.equal(withTime({ userProperties: { timestamp: iso } }, settings).timestamp, iso);
  });
});

describe('MQTT 5 user properties', () => {
  it('give size and format where the message does not', () => {
    const userProperties = { width: '4', height: '2', format: 'mono12' };
    const { width, height, format } = withSize({ userProperties });
    assert.deepEqual([width, height, format], ['4', '2', 'mono12']);
    const own = withSize({ userProperties, width: 8, format: 'mono8' });
    assert.deepEqual([own.width, own.height, own.format], [8, '2', 'mono8']);
    const shaped = withSize({ userProperties, shape: [2, 2] });
    assert.deepEqual([shaped.width, shaped.height, shaped.format], [undefined, undefined, 'mono12']);
    assert.equal(withSize({ userProperties: 'none' }).width, undefined);
  });
});
