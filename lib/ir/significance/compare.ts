/** Whether systems differ from a baseline by more than chance. */
import { expected } from '../../errors.ts';
import { checkOptions } from '../../options.ts';
import { CORRECTIONS, type Correction } from './correction.ts';
import { type PairedValues, paired, type TopicValues } from './pairs.ts';
import { pairedRandomisationTest, type RandomisationOptions } from './randomisation.ts';
import { pairedTTest, type TestResult } from './tTest.ts';

export type SignificanceTest = 't-test' | 'randomisation';

export interface CompareOptions extends RandomisationOptions {
  /** Student's paired t-test, the default, or the paired randomisation test; both two-sided. */
  readonly test?: SignificanceTest;
  /** For how many systems are compared, measure by measure; default `holm`. */
  readonly correction?: Correction;
  /** Below which corrected p a difference is significant; default 0.05. */
  readonly alpha?: number;
}

/** A system against the baseline by one measure. */
export interface Comparison extends PairedValues, TestResult {
  readonly correctedP: number;
  readonly significant: boolean;
}

type Run = (differences: readonly number[], options: RandomisationOptions) => TestResult;

const TESTS: Readonly<Record<SignificanceTest, Run>> = {
  't-test': pairedTTest,
  randomisation: pairedRandomisationTest,
};

/**
 * Compares systems with a baseline, topic by topic, by each measure of the baseline.
 *
 * @param systems evaluations by name, over the same topics
 * @returns measure by measure, the systems in their order
 * @throws ArgumentError for fewer than two topics, for a system that lacks a measure or has other topics, and for wrong options
 */
export function compare(
  baseline: TopicValues,
  systems: ReadonlyMap<string, TopicValues> | Readonly<Record<string, TopicValues>>,
  options: CompareOptions = {},
): Comparison[] {
  const { test = 't-test', correction = 'holm', alpha = 0.05 } = checked(options);
  const named: readonly (readonly [string, TopicValues])[] =
    systems instanceof Map ? [...systems] : Object.entries(systems);
  return [...baseline.perTopic].flatMap(([measure, values]) => {
    const pairs = named.map(([system, evaluation]) => paired(system, measure, values, evaluation));
    const results = pairs.map(({ differences }) => TESTS[test]([...differences.values()], options));
    const corrected = CORRECTIONS[correction](results.map(({ p }) => p));
    return pairs.map((pair, i) => {
      const correctedP = corrected[i] as number;
      return { ...pair, ...(results[i] as TestResult), correctedP, significant: correctedP < alpha };
    });
  });
}

function checked(options: CompareOptions): CompareOptions {
  const names = ['test', 'correction', 'alpha', 'permutations', 'seed'];
  const { test, correction, alpha, permutations, seed } = checkOptions('compare', options, names);
  if (test !== undefined && !Object.hasOwn(TESTS, test))
    throw expected("'t-test' or 'randomisation'", 'test', test);
  if (correction !== undefined && !Object.hasOwn(CORRECTIONS, correction))
    throw expected("'none', 'bonferroni' or 'holm'", 'correction', correction);
  if (alpha !== undefined && !(alpha > 0 && alpha < 1))
    throw expected('a number above 0 and below 1', 'alpha', alpha);
  if (permutations !== undefined && !(Number.isSafeInteger(permutations) && permutations >= 1))
    throw expected('a positive integer', 'permutations', permutations);
  if (seed !== undefined && !Number.isSafeInteger(seed)) throw expected('an integer', 'seed', seed);
  return options;
}
