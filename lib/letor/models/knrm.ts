/**
 * C. Xiong, Z. Dai, J. Callan, Z. Liu and R. Power, "End-to-End Neural Ad-hoc Ranking with Kernel Pooling", SIGIR 2017.
 */
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { bool, float, int } from '../../experiment/types.ts';
import { tensor } from '../../torch/factories.ts';
import { Linear } from '../../torch/nn/layers/linear.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { cosines, InteractionScorer, type WordPairs, wordMask } from './interaction.ts';
import { evenKernels, kernelPooling } from './kernels.ts';

/**
 * Scores tanh(w · φ + b), where φ are the cosines of words, pooled by kernels; see `kernelPooling`.
 *
 * - `kernels`: how many; 11
 * - `sigma`: width of all but the one that counts equal words; 0.1
 * - `tanh`: whether scores are pressed between −1 and 1, as in the paper; true
 */
export class Knrm extends config(
  import.meta,
  'xpmir.neural.interaction.knrm.Knrm',
  {
    kernels: param(int, { default: 11, ignoreDefault: true }),
    sigma: param(float, { default: 0.1, ignoreDefault: true }),
    tanh: param(bool, { default: true, ignoreDefault: true }),
  },
  InteractionScorer,
) {
  /** There once this is initialised, as are the kernels. */
  linear!: Linear;
  means!: Tensor;
  deviations!: Tensor;

  protected override build(): void {
    const { means, deviations } = evenKernels(this.kernels, this.sigma);
    this.linear = new Linear(this.kernels, 1);
    this.registerBuffer('means', tensor(means));
    this.registerBuffer('deviations', tensor(deviations));
  }

  forward({ topics, documents }: WordPairs): Tensor {
    const [topicWords, documentWords] = [this.embeddings.forward(topics), this.embeddings.forward(documents)];
    const pooled = kernelPooling(
      cosines(topicWords, documentWords),
      [this.means, this.deviations],
      [wordMask(topics, topicWords), wordMask(documents, documentWords)],
    );
    const scores = this.linear.forward(pooled).squeeze(1);
    return this.tanh ? scores.tanh() : scores;
  }
}
