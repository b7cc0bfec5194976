import type { Goal } from './suite.mts';

/**
 * What the last side costs a unit of work over the first: 1 where the cost is linear, less where it gets better.
 *
 * @param figure cost of a unit of work
 * @param sides in the order of what grows
 */
export const linear = (what: string, figure: string, sides: readonly string[]): Goal => ({
  work: `growth with ${what}, ${figure.replaceAll('_', ' ')}`,
  goal: 'not worse than linear (≤ 1.2x from the smallest to the largest)',
  value: (look) => look(sides.at(-1) ?? '', figure) / look(sides[0] ?? '', figure),
  max: 1.2,
  unit: 'x',
});
