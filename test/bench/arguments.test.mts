import assert from 'node:assert/strict';
import { parseArguments } from '../../bench/arguments.mts';

describe('bench: arguments', () => {
  it('runs five rounds into bench/results unless told otherwise', () => {
    const { names, options, out } = parseArguments([]);
    assert.deepEqual([names, options.rounds, options.quick, out], [[], 5, false, 'bench/results']);
  });

  it('keeps what a quick look measured out of the committed results', () => {
    const { names, options, out } = parseArguments(['--quick', 'real']);
    assert.deepEqual([names, options.rounds, out], [['real'], 1, 'artifacts/bench']);
  });

  it('names what it does not understand', () => {
    assert.throws(() => parseArguments(['--rounds', 'many']), /--rounds: expected a whole number.*got many/);
    assert.throws(() => parseArguments(['--node-red', '3']), /--node-red: expected 4 or 5, got 3/);
    assert.throws(() => parseArguments(['--slow']), /'--slow'[\s\S]*npm run bench --/);
  });
});
