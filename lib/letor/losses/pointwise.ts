/**
 * Losses of single scores.
 */
import { config } from '../../experiment/config.ts';
import * as functional from '../../torch/nn/functional.ts';
import type { Tensor } from '../../torch/tensor.ts';
import type { ScorerOutputType } from '../scorer.ts';
import { binaryCrossEntropy } from './binaryCrossEntropy.ts';
import { RankingLoss } from './rankingLoss.ts';

export abstract class PointwiseLoss extends config(
  import.meta,
  'xpmir.letor.trainers.pointwise.PointwiseLoss',
  {},
  RankingLoss,
) {
  /**
   * @param scores `[N]`
   * @param relevances grades, `[N]`
   */
  abstract compute(scores: Tensor, relevances: Tensor, outputType: ScorerOutputType): Tensor;
}

/** `point-mse`: mean of (s − r)². */
export class MSELoss extends config(
  import.meta,
  'xpmir.letor.trainers.pointwise.MSELoss',
  {},
  PointwiseLoss,
) {
  get lossName(): string {
    return 'point-mse';
  }

  compute(scores: Tensor, relevances: Tensor): Tensor {
    return functional.mseLoss(scores, relevances.to(scores.dtype));
  }
}

/** `point-bce`: binary cross-entropy of being relevant, r > 0, by the kind of score that the model has. */
export class BinaryCrossEntropyLoss extends config(
  import.meta,
  'xpmir.letor.trainers.pointwise.BinaryCrossEntropyLoss',
  {},
  PointwiseLoss,
) {
  get lossName(): string {
    return 'point-bce';
  }

  compute(scores: Tensor, relevances: Tensor, outputType: ScorerOutputType): Tensor {
    return binaryCrossEntropy(outputType, scores, relevances.gt(0));
  }
}
