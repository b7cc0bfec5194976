import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { CalmLog } from '../../dist/uploader/log.js';

describe('the log of an uploader', () => {
  const lines: string[] = [];
  const add = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  const sink = { error: add('error'), warn: add('warn'), info: add('info'), debug: add('debug') };

  beforeEach(() => {
    lines.length = 0;
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => mock.timers.reset());

  it('says a repeating line once, then how many there were, and all that is untold at the end', () => {
    const log = new CalmLog(sink);
    for (let number = 0; number < 100; number += 1) log.warn(`chunk ${number}: the disk is full`);
    log.error('chunk 7: the disk is full');
    log.warn('another fault');
    assert.deepEqual(lines.splice(0), [
      'warn chunk 0: the disk is full',
      'error chunk 7: the disk is full',
      'warn another fault',
    ]);
    mock.timers.tick(60_000);
    assert.deepEqual(lines.splice(0), ['warn chunk 99: the disk is full (99 such lines within 60 s)']);
    log.warn('chunk 5: the disk is full');
    log.close();
    assert.deepEqual(lines, ['warn chunk 5: the disk is full']);
  });

  it('says everything at the level that asks for everything', () => {
    const log = new CalmLog(sink);
    for (let number = 0; number < 3; number += 1) log.debug('a step');
    log.close();
    assert.equal(lines.length, 3);
  });
});
