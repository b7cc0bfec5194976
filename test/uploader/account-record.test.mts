import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AccountRecord } from '../../dist/uploader/spool/account-record.js';

describe('the record of an account', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'account-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('holds the last of changes that come faster than the disk, once it has settled', async () => {
    const record = await AccountRecord.read(folder);
    const changes = [1, null, 2, null, 3].map((since) => record.setPausedSince(since));
    assert.equal(record.pausedSince, 3);
    await record.settled();
    assert.equal((await AccountRecord.read(folder)).pausedSince, 3);
    assert.deepEqual(await readdir(folder), ['account.json']);
    await Promise.all(changes);
  });

  it('loses what a killed process had begun to write', async () => {
    await (await AccountRecord.read(folder)).setPausedSince(1);
    await writeFile(join(folder, 'account.json.tmp'), '{"ver');
    assert.equal((await AccountRecord.read(folder)).pausedSince, 1);
    assert.deepEqual(await readdir(folder), ['account.json']);
  });
});
