/**
 * Losses of the scores of two documents, of which one should come first.
 */
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { float } from '../../experiment/types.ts';
import { F } from '../../torch/functions.ts';
import * as functional from '../../torch/nn/functional.ts';
import type { Tensor } from '../../torch/tensor.ts';
import type { ScorerOutputType } from '../scorer.ts';
import { binaryCrossEntropy } from './binaryCrossEntropy.ts';
import { RankingLoss } from './rankingLoss.ts';

export abstract class PairwiseLoss extends config(
  import.meta,
  'xpmir.letor.trainers.pairwise.PairwiseLoss',
  {},
  RankingLoss,
) {
  /** @param scores `[N, 2]`, that of the document that should come first at 0 */
  abstract compute(scores: Tensor, outputType: ScorerOutputType): Tensor;
}

/**
 * `pair-cross-entropy`: mean of −ln softmax(s⁺, s⁻)⁺ (Burges et al., "Learning to Rank using Gradient Descent", 2005:
 * RankNet; the softmax over two is σ(s⁺ − s⁻)).
 */
export class CrossEntropyLoss extends config(
  import.meta,
  'xpmir.letor.trainers.pairwise.CrossEntropyLoss',
  {},
  PairwiseLoss,
) {
  get lossName(): string {
    return 'pair-cross-entropy';
  }

  compute(scores: Tensor): Tensor {
    const first = F.zeros([scores.shape[0] as number], { dtype: 'int64', device: scores.device });
    return functional.crossEntropy(scores, first);
  }
}

/** `pair-hinge`: mean of max(0, margin − s⁺ + s⁻) (Herbrich et al., "Large Margin Rank Boundaries", 2000). */
export class HingeLoss extends config(
  import.meta,
  'xpmir.letor.trainers.pairwise.HingeLoss',
  { margin: param(float, { default: 1 }) },
  PairwiseLoss,
) {
  get lossName(): string {
    return 'pair-hinge';
  }

  compute(scores: Tensor): Tensor {
    return scores.select(1, 1).sub(scores.select(1, 0)).add(this.margin).relu().mean();
  }
}

/**
 * `pair-pointwise-cross-entropy`: binary cross-entropy of each document by itself, 1 for the first and 0 for the other
 * (Nogueira and Cho, "Passage Re-ranking with BERT", 2019), by the kind of score that the model has.
 */
export class PointwiseCrossEntropyLoss extends config(
  import.meta,
  'xpmir.letor.trainers.pairwise.PointwiseCrossEntropyLoss',
  {},
  PairwiseLoss,
) {
  get lossName(): string {
    return 'pair-pointwise-cross-entropy';
  }

  compute(scores: Tensor, outputType: ScorerOutputType): Tensor {
    const targets = F.zerosLike(scores);
    targets.select(1, 0).fill_(1);
    return binaryCrossEntropy(outputType, scores, targets);
  }
}

/**
 * `duo-logproba`: binary cross-entropy of the first document coming first, from one score for both (Nogueira et al.,
 * "Multi-Stage Document Ranking with BERT", 2019: duoBERT).
 */
export class DuoLogProbaLoss extends config(
  import.meta,
  'xpmir.letor.trainers.pairwise.DuoLogProbaLoss',
  {},
  RankingLoss,
) {
  get lossName(): string {
    return 'duo-logproba';
  }

  /**
   * @param scores that the first comes first, `[N]`
   * @param targets 1 where it should, 0 where it should not, `[N]`
   */
  compute(scores: Tensor, targets: Tensor, outputType: ScorerOutputType): Tensor {
    return binaryCrossEntropy(outputType, scores, targets);
  }
}
