import assert from 'node:assert/strict';
import settingsModule from '../../dist/uploader/settings.js';

const { rheedSettings, timeseriesSettings, differing } = settingsModule;

describe('settings', () => {
  const refused: [string, Record<string, unknown>, string][] = [
    ['fps 0', { fps: 0 }, 'fps'],
    ['a negative fps', { fps: -1 }, 'fps'],
    ['fps above 120', { fps: 120.5 }, 'fps'],
    ['fps NaN', { fps: Number.NaN }, 'fps'],
    ['fps missing', {}, 'fps'],
    ['fps blank', { fps: '' }, 'fps'],
    ['fps as a word', { fps: 'fast' }, 'fps'],
    ['chunkSize below ceil(2·fps)', { fps: 10.1, chunkSize: 20 }, 'chunkSize'],
    ['chunkSize with a fraction', { fps: 10, chunkSize: 20.5 }, 'chunkSize'],
    ['azimuth with rotation', { fps: 10, rotationsPerMin: 15, azimuth: '100' }, 'azimuth'],
    ['negative rotation', { fps: 10, rotationsPerMin: -1 }, 'rotationsPerMin'],
    ['tags that are no texts', { fps: 10, tags: [1] }, 'tags'],
    ['a negative idleTimeout', { fps: 10, idleTimeout: -1 }, 'idleTimeout'],
    ['a compression that is none', { fps: 10, compression: 'best' }, 'compression'],
    ['a compression between levels', { fps: 10, compression: '3.5' }, 'compression'],
    ['a compression beyond the levels', { fps: 10, compression: 20 }, 'compression'],
  ];
  for (const [what, input, setting] of refused) {
    it(`refuse ${what}`, () => {
      assert.throws(
        () => rheedSettings(input),
        (error: { code?: string; setting?: string; message?: string }) =>
          error.code === 'ERR_SETTINGS' &&
          error.setting === setting &&
          /expected .*got /.test(error.message ?? ''),
      );
    });
  }

  it('take numbers as the editor gives them, blanks as defaults', () => {
    assert.deepEqual(
      rheedSettings({
        fps: '12.5',
        rotationsPerMin: '',
        chunkSize: '',
        streamName: '  ',
        tags: 'a, A ,,b',
        physicalSample: ' GaN ',
      }),
      {
        fps: 12.5,
        rotationsPerMin: 0,
        chunkSize: 25,
        streamName: null,
        physicalSample: 'GaN',
        projectId: null,
        tags: ['a', 'b'],
        azimuth: null,
        compression: 'auto',
        idleTimeout: 0,
      },
    );
    assert.equal(rheedSettings({ fps: 10, compression: '-3' }).compression, -3);
    assert.equal(rheedSettings({ fps: 10, compression: 'small' }).compression, 'small');
    assert.deepEqual(timeseriesSettings({}), {
      streamName: null,
      synthSourceId: null,
      physicalSample: null,
      projectId: null,
      tags: [],
      pointsPerChunk: 100,
      flushInterval: 10,
      rowWindow: 100,
      fill: 'hold',
      idleTimeout: 0,
    });
  });

  it('differ only in what the service is told', () => {
    assert.deepEqual(
      differing(
        'rheed',
        { fps: 10, format: 'auto' },
        { fps: '10', chunkSize: '20', format: 'mono8', compression: 'small' },
      ),
      [],
    );
    assert.deepEqual(differing('rheed', { fps: 10 }, { fps: 20, tags: 'x' }), ['fps', 'chunkSize', 'tags']);
  });
});
