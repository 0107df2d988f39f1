/**
 * Losses towards the scores of a teacher.
 */
import { config } from '../../experiment/config.ts';
import * as functional from '../../torch/nn/functional.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { RankingLoss } from './rankingLoss.ts';

export abstract class DistillationPairwiseLoss extends config(
  import.meta,
  'xpmir.letor.distillation.pairwise.DistillationPairwiseLoss',
  {},
  RankingLoss,
) {
  /**
   * @param student scores, `[N, 2]`
   * @param teacher scores, `[N, 2]`
   */
  abstract compute(student: Tensor, teacher: Tensor): Tensor;
}

/**
 * `pairwise-delta-MSE`: mean of ((s⁺ − s⁻) − (t⁺ − t⁻))² (Hofstätter et al., "Improving Efficient Neural Ranking Models
 * with Cross-Architecture Knowledge Distillation", 2020: Margin-MSE).
 */
export class MSEDifferenceLoss extends config(
  import.meta,
  'xpmir.letor.distillation.pairwise.MSEDifferenceLoss',
  {},
  DistillationPairwiseLoss,
) {
  get lossName(): string {
    return 'pairwise-delta-MSE';
  }

  compute(student: Tensor, teacher: Tensor): Tensor {
    const margin = (scores: Tensor) => scores.select(1, 0).sub(scores.select(1, 1));
    return functional.mseLoss(margin(student), margin(teacher.to(student.dtype)));
  }
}

/** `pairwise-Distil-KL`: mean over pairs of KL(softmax(t) ‖ softmax(s)) (Hinton et al., 2015). */
export class DistillationKLLoss extends config(
  import.meta,
  'xpmir.letor.distillation.pairwise.DistillationKLLoss',
  {},
  DistillationPairwiseLoss,
) {
  get lossName(): string {
    return 'pairwise-Distil-KL';
  }

  compute(student: Tensor, teacher: Tensor): Tensor {
    return functional.klDiv(student.logSoftmax(1), teacher.to(student.dtype).softmax(1), {
      reduction: 'batchmean',
    });
  }
}

export abstract class DistillationListwiseLoss extends config(
  import.meta,
  'xpmir.letor.distillation.listwise.DistillationListwiseLoss',
  {},
  RankingLoss,
) {
  /**
   * @param student scores, `[N, L]`
   * @param teacher scores, `[N, L]`
   * @param missing where a list has no document, `[N, L]`
   */
  abstract compute(student: Tensor, teacher: Tensor, missing: Tensor): Tensor;
}

/** `listwise-Distil-KL`: mean over lists of Σⱼ pⱼ (ln pⱼ − ln qⱼ) for p = softmax(t), q = softmax(s) (Cao et al., 2007: ListNet). */
export class ListwiseKLLoss extends config(
  import.meta,
  'xpmir.letor.distillation.listwise.ListwiseKLLoss',
  {},
  DistillationListwiseLoss,
) {
  get lossName(): string {
    return 'listwise-Distil-KL';
  }

  compute(student: Tensor, teacher: Tensor, missing: Tensor): Tensor {
    const logShares = (scores: Tensor) => scores.maskedFill(missing, Number.NEGATIVE_INFINITY).logSoftmax(1);
    const q = logShares(student).maskedFill(missing, 0);
    const p = logShares(teacher.to(student.dtype)).exp();
    return functional.klDiv(q, p, { reduction: 'batchmean' });
  }
}
