import assert from 'node:assert/strict';
import { commandOf, parseArguments } from '../../bench/arguments.mts';

describe('bench: arguments', () => {
  it('runs five rounds into bench/results unless told otherwise', () => {
    const { names, options, out } = parseArguments([]);
    assert.deepEqual([names, options.rounds, options.quick, out], [[], 5, false, 'bench/results']);
  });

  it('keeps what a quick look measured out of the committed results', () => {
    const { names, options, out } = parseArguments(['--quick', 'real']);
    assert.deepEqual([names, options.rounds, out], [['real'], 1, 'artifacts/bench']);
  });

  it('says what measures a suite so again', () => {
    const commands = [
      ['real'],
      ['real', '--quick'],
      ['growth', '--rounds', '2'],
      ['hour', '--minutes', '3', '--node-red', '4'],
    ];
    for (const argv of commands) {
      const { names, options } = parseArguments(argv);
      assert.equal(commandOf(names[0] as string, options), `npm run bench -- ${argv.join(' ')}`);
    }
  });

  it('names what it does not understand', () => {
    assert.throws(() => parseArguments(['--rounds', 'many']), /--rounds: expected a whole number.*got many/);
    assert.throws(() => parseArguments(['--node-red', '3']), /--node-red: expected 4 or 5, got 3/);
    assert.throws(() => parseArguments(['--slow']), /'--slow'[\s\S]*npm run bench --/);
  });
});
