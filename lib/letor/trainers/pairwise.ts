/**
 * Training on topics with two documents each, of which one should come first.
 */
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { CrossEntropyLoss, PairwiseLoss } from '../losses/pairwise.ts';
import type { PairwiseRecord, ScoredPairs } from '../records.ts';
import { addScoreLoss, checkFields, checkTexts, type ScoredBatch, ScoreTrainer } from './scoreTrainer.ts';

/**
 * The 2N pairs of N records: those of documents that should come first, then the others in the same order.
 */
export function pairsOf(records: readonly PairwiseRecord[]): ScoredPairs {
  const N = records.length;
  return {
    topics: records.map(({ topic }) => topic),
    documents: [...records.map(({ positive }) => positive), ...records.map(({ negative }) => negative)],
    pairs: {
      topicIndices: Int32Array.from({ length: 2 * N }, (_, i) => i % N),
      documentIndices: Int32Array.from({ length: 2 * N }, (_, i) => i),
    },
  };
}

/** Scores of 2N pairs beside each other: `[N, 2]`, the first that of the document that should come first. */
export function besideEachOther(scores: Tensor): Tensor {
  return scores.view([2, -1]).t();
}

/** The metric `accuracy`: how often the first score is the greater one. */
export function accuracyOf(scores: Tensor): Tensor {
  return scores.detach().select(1, 0).gt(scores.detach().select(1, 1)).to('float32').mean();
}

/**
 * Trains a scorer to put one document before another. Its sampler gives `PairwiseRecord`s; the metric `accuracy` is how
 * often the score of the first is greater.
 */
export class PairwiseTrainer extends config(
  import.meta,
  'xpmir.letor.trainers.pairwise.PairwiseTrainer',
  { lossfn: param(PairwiseLoss, { default: () => new CrossEntropyLoss(), ignoreDefault: true }) },
  ScoreTrainer<PairwiseRecord, undefined>,
) {
  protected override async collate(records: readonly PairwiseRecord[]): Promise<ScoredBatch<undefined>> {
    checkFields(this, records, ['topic', 'positive', 'negative']);
    const pairs = pairsOf(records);
    checkTexts(pairs);
    return { inputs: await this.scorer.collate(pairs), wanted: undefined };
  }

  protected override trainBatch({ inputs }: ScoredBatch<undefined>): void {
    const scores = besideEachOther(this.scores(inputs)); // [N, 2]
    const { lossfn } = this;
    addScoreLoss(this.context, lossfn, lossfn.compute(scores, this.scorer.outputType), scores);
    this.context.addMetric('accuracy', accuracyOf(scores), scores.shape[0] as number);
  }
}
