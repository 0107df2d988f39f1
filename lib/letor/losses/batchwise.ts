/**
 * Losses of every topic of a batch with every document of it.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { bool, float } from '../../experiment/types.ts';
import type { Tensor } from '../../torch/tensor.ts';
import type { ScorerOutputType } from '../scorer.ts';
import { binaryCrossEntropy } from './binaryCrossEntropy.ts';
import { RankingLoss } from './rankingLoss.ts';

export abstract class BatchwiseLoss extends config(
  import.meta,
  'xpmir.letor.trainers.batchwise.BatchwiseLoss',
  {},
  RankingLoss,
) {
  /**
   * @param scores `[T, N]`
   * @param relevances greater than 0 where relevant, `[T, N]`; each topic has a relevant document
   */
  abstract compute(scores: Tensor, relevances: Tensor, outputType: ScorerOutputType): Tensor;
}

/** `batch-bce`: binary cross-entropy of each topic with each document, by the kind of score that the model has. */
export class CrossEntropyLoss extends config(
  import.meta,
  'xpmir.letor.trainers.batchwise.CrossEntropyLoss',
  {},
  BatchwiseLoss,
) {
  get lossName(): string {
    return 'batch-bce';
  }

  compute(scores: Tensor, relevances: Tensor, outputType: ScorerOutputType): Tensor {
    return binaryCrossEntropy(outputType, scores, relevances.gt(0));
  }
}

/** `batch-ce`: mean over topics of −ln Σ softmax(s)ⱼ over the relevant documents j. */
export class SoftmaxCrossEntropy extends config(
  import.meta,
  'xpmir.letor.trainers.batchwise.SoftmaxCrossEntropy',
  {},
  BatchwiseLoss,
) {
  get lossName(): string {
    return 'batch-ce';
  }

  compute(scores: Tensor, relevances: Tensor): Tensor {
    return logShares(scores, relevances.le(0)).mean().neg();
  }
}

/**
 * `info-nce`: `batch-ce` of scores over a temperature (van den Oord et al., "Representation Learning with Contrastive
 * Predictive Coding", 2018). In both directions it is the mean of that and of the same from documents that are relevant
 * for some topic to topics (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021).
 */
export class InfoNCELoss extends config(
  import.meta,
  'xpmir.letor.trainers.batchwise.InfoNCELoss',
  {
    /** What scores are divided by: 0.05 is the scale of 20 that cosines are often given. */
    temperature: param(float, { default: 1 }),
    bothDirections: param(bool, { default: false }),
  },
  BatchwiseLoss,
) {
  override validate(): void {
    super.validate();
    if (!(this.temperature > 0)) throw wrong('temperature', 'a number greater than 0', this.temperature);
  }

  get lossName(): string {
    return 'info-nce';
  }

  compute(scores: Tensor, relevances: Tensor): Tensor {
    const scaled = scores.div(this.temperature);
    const others = relevances.le(0);
    const forth = logShares(scaled, others).mean().neg();
    if (!this.bothDirections) return forth;
    const unwanted = others.all(0); // [N]
    // A document that is relevant for no topic would have the logarithm of 0: any topic does, as it counts nothing.
    const shares = logShares(scaled.t(), others.t().logicalAnd(unwanted.logicalNot().unsqueeze(1)));
    const back = shares.maskedFill(unwanted, 0).sum().div(unwanted.logicalNot().sum()).neg();
    return forth.add(back).div(2);
  }
}

/** ln of the share that the columns which are not `others` have in the softmax of each row: `[R]`. */
function logShares(scores: Tensor, others: Tensor): Tensor {
  return scores.logSoftmax(1).maskedFill(others, Number.NEGATIVE_INFINITY).logsumexp([1]);
}
