import assert from 'node:assert/strict';

/** Asserts that the call throws an error with this code, whose text says what was expected and what came. */
export function throwsCoded(call: () => unknown, code: string, text: RegExp = /expected/): void {
  assert.throws(call, (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  });
}
