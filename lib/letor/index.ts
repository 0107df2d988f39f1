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
export { ColBert, type LateInputs } from './models/colbert.ts';
export { ConvKnrm } from './models/convKnrm.ts';
export { CrossScorer } from './models/crossScorer.ts';
export { CosineDense, Dense, DotDense } from './models/dense.ts';
export { Drmm } from './models/drmm.ts';
export { InteractionScorer, type WordPairs } from './models/interaction.ts';
export { Knrm } from './models/knrm.ts';
export { type SparseVector, Splade, sparseVectors } from './models/splade.ts';
export { MeanWordsEncoder, PretrainedTextEncoder, TextEncoder } from './models/textEncoders.ts';
export { type Product, productOf } from './product.ts';
export { TwoStageRetriever } from './rankers/twoStage.ts';
export type { BuildVectorsOptions } from './rankers/vectorBuilder.ts';
export type { VectorDType, VectorManifest } from './rankers/vectorFiles.ts';
export { VectorIndex, type VectorSearchOptions } from './rankers/vectorIndex.ts';
export { VectorRetriever } from './rankers/vectorRetriever.ts';
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
export {
  DistillationListwiseSampler,
  DistillationPairwiseSampler,
  PairwiseSamplerFromJSONL,
  PairwiseSamplerFromTSV,
  TripletBasedSampler,
} from './samplers/fileSamplers.ts';
export { PairwiseInBatchNegativesSampler } from './samplers/inBatch.ts';
export { PairwiseModelBasedSampler, PointwiseModelBasedSampler } from './samplers/modelBased.ts';
export {
  type HardNegativeOptions,
  HardNegativesDataset,
  JSONLPairwiseSampleDataset,
  ModelBasedHardNegativeSampler,
  PairwiseDatasetTripletBasedSampler,
  type PairwiseTopic,
  writeHardNegatives,
} from './samplers/pairwiseDataset.ts';
export {
  type Candidates,
  GivenRankings,
  judge,
  ModelBasedSampler,
  RankingSource,
  type Rankings,
  RetrieverRankings,
  type TopicCandidates,
} from './samplers/rankings.ts';
export type {
  AnySample,
  BatchwiseSample,
  DistillationListwiseSample,
  DistillationPairwiseSample,
  Named,
  PairwiseSample,
  PointwiseSample,
} from './samplers/samples.ts';
export { RandomSpanSampler } from './samplers/spans.ts';
export {
  SampleHydrator,
  SamplePrefixAdding,
  SampleTransform,
  SampleTransformList,
  TransformAdapter,
  TransformAdapter as PairwiseTransformAdapter,
} from './samplers/transforms.ts';
export { Scorer, ScorerOutputType } from './scorer.ts';
export type { TokenizedTexts } from './text/tokenizedTexts.ts';
export { Vocabulary, type VocabularyOptions } from './text/vocabulary.ts';
export { FileWordEmbeddings, TrainedWordEmbeddings, WordEmbeddings } from './text/wordEmbeddings.ts';
export { type WordCount, Words } from './text/words.ts';
export { SimpleWordTokenizer, WordTokenizer } from './text/wordTokenizer.ts';
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
export { RetrievalEvaluator } from './validation.ts';
