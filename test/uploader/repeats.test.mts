import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { Repeats } from '../../dist/uploader/repeats.js';

describe('repeats', () => {
  let told: [string, number][];
  let repeats: Repeats<string>;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    told = [];
    repeats = new Repeats(1000, (value: string, untold: number) => told.push([value, untold]));
  });
  afterEach(() => mock.timers.reset());

  it('tells the first of each kind at once, and the others as one with their number', () => {
    for (const value of ['a1', 'a2', 'a3']) repeats.hear('a', value);
    repeats.hear('b', 'b1');
    assert.deepEqual(told.splice(0), [
      ['a1', 0],
      ['b1', 0],
    ]);
    mock.timers.tick(1000);
    assert.deepEqual(told.splice(0), [['a3', 2]]);
    repeats.hear('a', 'a4');
    mock.timers.tick(999);
    assert.deepEqual(told.splice(0), []);
    mock.timers.tick(1);
    assert.deepEqual(told.splice(0), [['a4', 1]]);
  });

  it('tells the first at once again after a period of silence', () => {
    repeats.hear('a', 'a1');
    mock.timers.tick(1000);
    repeats.hear('a', 'a2');
    assert.deepEqual(told, [
      ['a1', 0],
      ['a2', 0],
    ]);
  });

  it('swallows nothing at the end', () => {
    for (const value of ['a1', 'a2', 'a3']) repeats.hear('a', value);
    repeats.close();
    assert.deepEqual(told, [
      ['a1', 0],
      ['a3', 2],
    ]);
    mock.timers.tick(5000);
    assert.equal(told.length, 2);
  });
});
