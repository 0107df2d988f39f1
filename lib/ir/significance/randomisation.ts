/** The paired randomisation test (Fisher): what if a coin had said, for each topic, which of two systems is which? */
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { TestResult } from './tTest.ts';

export interface RandomisationOptions {
  /** How many assignments are drawn where there are too many to try all; default 100,000. */
  readonly permutations?: number;
  /** Of the drawing; default 0. */
  readonly seed?: number;
}

/** Up to this many topics with a difference all assignments are tried: 2^16 = 65,536. */
const EXACT = 16;

/**
 * Tests, two-sided, whether the mean of paired differences is further from 0 than by chance.
 *
 * All assignments of signs are tried for up to 16 differences other than 0; of more, some are drawn, and p is
 * (1 + how many are as far) / (1 + how many were drawn), which is never 0.
 */
export function pairedRandomisationTest(
  differences: readonly number[],
  { permutations = 100_000, seed = 0 }: RandomisationOptions = {},
): TestResult {
  const sum = differences.reduce((total, each) => total + each, 0);
  const statistic = sum / differences.length;
  const moving = differences.filter((each) => each !== 0);
  // Sums of the same numbers in another order may differ in their last digits: those are as far too.
  const slack = 1e-12 * moving.reduce((total, each) => total + Math.abs(each), 0);
  const far = Math.abs(sum) - slack;
  if (moving.length <= EXACT) return { statistic, p: exact(moving, far) };
  return { statistic, p: drawn(moving, far, permutations, seed) };
}

function exact(differences: readonly number[], far: number): number {
  const assignments = 2 ** differences.length;
  let count = 0;
  for (let signs = 0; signs < assignments; signs++) {
    let sum = 0;
    for (const [i, each] of differences.entries()) sum += (signs >> i) & 1 ? each : -each;
    if (Math.abs(sum) >= far) count++;
  }
  return count / assignments;
}

/** Signs that are drawn at once. */
const BITS = 30;

function drawn(differences: readonly number[], far: number, permutations: number, seed: number): number {
  const generator = xoroshiro128plus(seed);
  let count = 0;
  for (let drawing = 0; drawing < permutations; drawing++) {
    let sum = 0;
    let signs = 0;
    for (let i = 0; i < differences.length; i++) {
      signs = i % BITS === 0 ? uniformInt(generator, 0, 2 ** BITS - 1) : signs >> 1;
      const each = differences[i] as number;
      sum += signs & 1 ? each : -each;
    }
    if (Math.abs(sum) >= far) count++;
  }
  return (count + 1) / (permutations + 1);
}
