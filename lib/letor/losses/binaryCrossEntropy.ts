/**
 * Binary cross-entropy of scores, whatever kind of number they are.
 */
import { type AutocastDevice, autocast } from '../../torch/amp.ts';
import { F } from '../../torch/functions.ts';
import * as functional from '../../torch/nn/functional.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { ScorerOutputType } from '../scorer.ts';

/** Where 1 − p is less, the gradient is that of here: about 10¹² at most. */
const LEAST = 1e-12;

/**
 * −[t · ln p + (1 − t) · ln(1 − p)], averaged, for p = σ(s), s or exp(s) as the scores are real, probabilities or their
 * logarithms.
 *
 * @param scores of any shape
 * @param targets from 0 to 1, of the same shape
 */
export function binaryCrossEntropy(outputType: ScorerOutputType, scores: Tensor, targets: Tensor): Tensor {
  const wanted = targets.to(scores.dtype);
  switch (outputType) {
    case ScorerOutputType.REAL:
      return functional.binaryCrossEntropyWithLogits(scores, wanted);
    case ScorerOutputType.PROBABILITY: {
      // Autocast refuses this operator, as probabilities are lost in 16 bits; these are no longer in 16 bits.
      const device: AutocastDevice = scores.device.startsWith('cuda') ? 'cuda' : 'cpu';
      return autocast(device, () => functional.binaryCrossEntropy(scores, wanted), { enabled: false });
    }
    default:
      return bceWithLog(scores, wanted);
  }
}

/**
 * Binary cross-entropy of logarithms of probabilities, −[t · l + (1 − t) · ln(1 − eˡ)], averaged.
 *
 * ln(1 − eˡ) is ln(−expm1(l)) above −ln 2 and log1p(−eˡ) below (M. Mächler, "Accurately computing log(1 − exp(−|a|))",
 * 2012): each is exact where the other cancels. At p = 1 the value is that of 1 − p = 10⁻¹², with its gradient.
 *
 * @param scores l, at most 0, of any shape
 * @param targets t, from 0 to 1, of the same shape
 */
export function bceWithLog(scores: Tensor, targets: Tensor): Tensor {
  // The bound moves the value alone: a gradient of 0 would leave the worst mistakes as they are.
  const l = scores.add(scores.clampMax(-LEAST).sub(scores).detach());
  const near = l.gt(-Math.LN2);
  // What a branch is not for gets a number that is harmless there: NaN of the other branch would enter its gradient.
  const harmless = F.fullLike(l, -Math.LN2);
  const above = F.where(near, l, harmless).expm1().neg().log();
  const below = F.where(near, harmless, l).exp().neg().log1p();
  const complement = F.where(near, above, below);
  return targets.mul(l).add(targets.neg().add(1).mul(complement)).mean().neg();
}
