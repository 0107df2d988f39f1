/**
 * Learning to rank: records, samplers, losses, trainers, models, validation.
 *
 * @module xpmir/letor
 */
export { type DualInputs, DualScorer, DualVectorListener } from './dual.ts';
export { type DuoRecords, DuoScorer } from './duo.ts';
export { cacheGradients, type EncodePart } from './gradCache.ts';
export * as batchwise from './losses/batchwise.ts';
export { bceWithLog, binaryCrossEntropy } from './losses/binaryCrossEntropy.ts';
export * as distillation from './losses/distillation.ts';
export * as pairwise from './losses/pairwise.ts';
export * as pointwise from './losses/pointwise.ts';
export { RankingLoss } from './losses/rankingLoss.ts';
export { type Product, productOf } from './product.ts';
export {
  type BatchwiseRecord,
  type DistillationListwiseRecord,
  type DistillationPairwiseRecord,
  type PairwiseRecord,
  type PointwiseRecord,
  pairCount,
  pairIndices,
  type ScoredPairs,
} from './records.ts';
export { FlopsRegularizer, ScheduledFlopsRegularizer } from './regularizers.ts';
export { Scorer, ScorerOutputType } from './scorer.ts';
export { BatchwiseTrainer } from './trainers/batchwise.ts';
export {
  DistillationListwiseTrainer,
  DistillationPairwiseTrainer,
  type TeacherLists,
} from './trainers/distillation.ts';
export { DuoPairwiseTrainer, RandomSwapSampler, type SwappedRecord } from './trainers/duo.ts';
export { GradCacheTrainer } from './trainers/gradCache.ts';
export { PairwiseTrainer } from './trainers/pairwise.ts';
export { PointwiseTrainer } from './trainers/pointwise.ts';
export { type ScoredBatch, ScoreTrainer } from './trainers/scoreTrainer.ts';
