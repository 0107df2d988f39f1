/**
 * Kernel pooling: how many words of a document are how close to each word of a topic, softly counted.
 */
import { expected } from '../../errors.ts';
import type { Tensor } from '../../torch/tensor.ts';

// Shapes: N pairs, Q words of a topic, L of a document, K kernels.

/** Centres and widths of Gaussian kernels over cosines. */
export interface Kernels {
  readonly means: readonly number[];
  readonly deviations: readonly number[];
}

/**
 * The kernels of Xiong et al.: one of width 0.001 at 1, which counts equal words, and `count` − 1 of width `deviation`
 * in the middles of equal parts of [−1, 1], from the top: 0.9, 0.7, ..., −0.9 for 11.
 */
export function evenKernels(count: number, deviation: number): Kernels {
  if (!(Number.isSafeInteger(count) && count >= 2))
    throw expected('an integer of at least 2', 'kernels', count);
  if (!(deviation > 0)) throw expected('a positive number', 'sigma', deviation);
  const parts = count - 1;
  const means = Array.from({ length: parts }, (_, i) => (parts - 1 - 2 * i) / parts);
  return { means: [1, ...means], deviations: [0.001, ...means.map(() => deviation)] };
}

/**
 * φ_k = Σ_i 0.01 · ln max(Σ_j exp(−(m_ij − μ_k)² / 2σ_k²), 10⁻¹⁰): `[N, K]`.
 *
 * @param cosines m: `[N, Q, L]`
 * @param means μ: `[K]`; deviations σ: `[K]`
 * @param topicMask `[N, Q]`, documentMask `[N, L]`: 1 for what counts, 0 for what does not
 */
export function kernelPooling(
  cosines: Tensor,
  [means, deviations]: readonly [Tensor, Tensor],
  [topicMask, documentMask]: readonly [Tensor, Tensor],
): Tensor {
  const near = cosines.unsqueeze(3).sub(means).square().div(deviations.square().mul(-2)).exp(); // [N, Q, L, K]
  const counts = near.mul(documentMask.unsqueeze(1).unsqueeze(3)).sum(2); // [N, Q, K]
  return counts.clampMin(1e-10).log().mul(0.01).mul(topicMask.unsqueeze(2)).sum(1);
}
