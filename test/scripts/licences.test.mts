import assert from 'node:assert/strict';
import { permits } from '../../scripts/test/licences.mjs';

describe('licences', () => {
  const allowed = new Set(['MIT', 'Apache-2.0', 'Zlib']);

  it('are permitted when the allowed ones satisfy the expression', () => {
    for (const expression of [
      'MIT',
      'MIT OR GPL-3.0',
      'GPL-3.0 OR MIT',
      'Unlicense/MIT',
      '(MIT OR GPL-3.0) AND Apache-2.0',
      'Apache-2.0 WITH LLVM-exception',
      'GPL-3.0 OR Apache-2.0 WITH LLVM-exception OR X',
      'MIT AND Zlib',
      '((MIT))',
    ])
      assert.equal(permits(expression, allowed), true, expression);
  });

  it('are not when one of several that bind is missing, or none is named', () => {
    for (const expression of [
      'GPL-3.0',
      'MIT AND GPL-3.0',
      'GPL-3.0 AND MIT OR X',
      '(MIT OR Zlib) AND GPL-3.0',
      'SEE LICENSE IN FILE',
      'MIT X',
      'MIT)',
      '(',
      '',
    ])
      assert.equal(permits(expression, allowed), false, expression);
  });
});
