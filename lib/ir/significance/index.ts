/** Tests of whether systems differ. */
export { type CompareOptions, type Comparison, compare, type SignificanceTest } from './compare.ts';
export type { Correction } from './correction.ts';
export type { PairedValues, TopicValues } from './pairs.ts';
export { pairedRandomisationTest, type RandomisationOptions } from './randomisation.ts';
export { pairedTTest, type TestResult } from './tTest.ts';
