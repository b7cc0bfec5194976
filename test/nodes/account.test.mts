import assert from 'node:assert/strict';
import path from 'node:path';
import { nodeLogger } from '../../dist/nodes/atomscale-account/logger.js';
import { uploaderOptions } from '../../dist/nodes/atomscale-account/options.js';
import { throwsCoded } from '../helpers/coded.mts';

const USER_DIR = path.resolve('/home/grower/.node-red');

describe('account options', () => {
  it('leave blank fields to the uploader', () => {
    const blank = { id: 'a', endpoint: ' ', spoolDir: '', spoolMaxBytes: '', uploads: '', whenFull: '' };
    assert.deepEqual(uploaderOptions(blank, undefined, USER_DIR), {
      id: 'a',
      spoolDir: path.join(USER_DIR, 'atomscale-spool'),
      clockSync: true,
    });
  });

  it('take numbers as text, and a folder relative to the user folder', () => {
    const config = {
      id: 'a',
      endpoint: 'http://127.0.0.1:8480',
      spoolDir: 'data/spool',
      spoolMaxBytes: '1000000',
      spoolMinFreeBytes: 0,
      whenFull: 'drop-oldest',
      uploads: '8',
      clockSync: false,
    };
    assert.deepEqual(uploaderOptions(config, 'key', USER_DIR), {
      id: 'a',
      endpoint: 'http://127.0.0.1:8480',
      apiKey: 'key',
      spoolDir: path.join(USER_DIR, 'data/spool'),
      spoolMaxBytes: 1_000_000,
      spoolMinFreeBytes: 0,
      whenFull: 'drop-oldest',
      uploads: 8,
      clockSync: false,
    });
    const absolute = path.resolve('/data/spool');
    assert.equal(uploaderOptions({ id: 'a', spoolDir: absolute }, '', USER_DIR).spoolDir, absolute);
  });

  for (const [name, value] of Object.entries({
    uploads: 0,
    spoolMaxBytes: 'many',
    whenFull: 'ask',
    endpoint: 5,
  })) {
    it(`refuse ${name} ${value}`, () => {
      throwsCoded(
        () => uploaderOptions({ id: 'a', [name]: value }, '', USER_DIR),
        'ERR_SETTINGS',
        RegExp(name),
      );
    });
  }
});

describe('account log', () => {
  it('passes on what the verbosity admits, under the node', () => {
    const heard = (verbosity: number) => {
      const entries: { level: number; id: string }[] = [];
      const log = {
        ERROR: 20,
        WARN: 30,
        INFO: 40,
        DEBUG: 50,
        log: (entry: (typeof entries)[number]) => entries.push(entry),
      };
      const logger = nodeLogger(log as never, { id: 'a', type: 'atomscale-account' }, verbosity);
      for (const level of ['error', 'warn', 'info', 'debug'] as const) logger[level]('text');
      assert.ok(entries.every(({ id }) => id === 'a'));
      return entries.map(({ level }) => level);
    };
    assert.deepEqual([0, 1, 2, 3, 4].map(heard), [[], [20], [20, 30], [20, 30, 40], [20, 30, 40, 50]]);
  });
});
