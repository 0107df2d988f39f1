/**
 * Learning to rank: records, samplers, losses, trainers, models, validation.
 *
 * @module xpmir/letor
 */
export { type DualInputs, DualScorer, DualVectorListener } from './dual.ts';
export {
  type PairwiseRecord,
  type PointwiseRecord,
  pairCount,
  pairIndices,
  type ScoredPairs,
} from './records.ts';
export { Scorer, ScorerOutputType } from './scorer.ts';
