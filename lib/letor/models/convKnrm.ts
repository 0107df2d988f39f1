/**
 * Z. Dai, C. Xiong, J. Callan and Z. Liu, "Convolutional Neural Networks for Soft-Matching N-Grams in Ad-hoc Search", WSDM 2018.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { bool, float, int } from '../../experiment/types.ts';
import { tensor } from '../../torch/factories.ts';
import { F } from '../../torch/functions.ts';
import { ModuleList } from '../../torch/nn/layers/containers.ts';
import { Conv1d } from '../../torch/nn/layers/conv.ts';
import { Linear } from '../../torch/nn/layers/linear.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { cosines, InteractionScorer, type WordPairs, wordMask } from './interaction.ts';
import { evenKernels, kernelPooling } from './kernels.ts';

/**
 * Kernel pooling of the cosines of n-grams: those of a topic of each length with those of a document of each length.
 *
 *     g_h = relu(W_h · v_{i : i+h} + b_h),   score = tanh(w · [φ(g_h of the topic, g_h' of the document) for h, h'] + b)
 *
 * - `maxNgram`: n-grams of 1 up to this many words; 3
 * - `filters`: width of the vector of an n-gram; 128
 * - `crossMatch`: whether n-grams of different lengths are compared, too; true
 * - `kernels`, `sigma`, `tanh`: as for `Knrm`
 */
export class ConvKnrm extends config(
  import.meta,
  'xpmir.neural.interaction.convknrm.ConvKnrm',
  {
    maxNgram: param(int, { default: 3, ignoreDefault: true }),
    filters: param(int, { default: 128, ignoreDefault: true }),
    crossMatch: param(bool, { default: true, ignoreDefault: true }),
    kernels: param(int, { default: 11, ignoreDefault: true }),
    sigma: param(float, { default: 0.1, ignoreDefault: true }),
    tanh: param(bool, { default: true, ignoreDefault: true }),
  },
  InteractionScorer,
) {
  /** There once this is initialised, as are the linear layer and the kernels. */
  convolutions!: ModuleList<Conv1d>;
  linear!: Linear;
  means!: Tensor;
  deviations!: Tensor;

  override validate(): void {
    super.validate();
    for (const name of ['maxNgram', 'filters'] as const)
      if (this[name] < 1) throw wrong(`convKnrm.${name}`, 'a positive integer', this[name]);
  }

  protected override build(): void {
    const { maxNgram, filters, crossMatch, kernels } = this;
    const sizes = Array.from({ length: maxNgram }, (_, i) => i + 1);
    this.convolutions = new ModuleList(sizes.map((size) => new Conv1d(this.embeddings.dim, filters, size)));
    this.linear = new Linear(kernels * (crossMatch ? maxNgram ** 2 : maxNgram), 1);
    const { means, deviations } = evenKernels(kernels, this.sigma);
    this.registerBuffer('means', tensor(means));
    this.registerBuffer('deviations', tensor(deviations));
  }

  forward({ topics, documents }: WordPairs): Tensor {
    const ofTopics = this.#ngrams(topics);
    const ofDocuments = this.#ngrams(documents);
    const masks = [wordMask(topics, ofTopics[0]!), wordMask(documents, ofDocuments[0]!)] as const;
    const pooled = ofTopics.flatMap((topic, i) =>
      ofDocuments
        .filter((_, j) => this.crossMatch || i === j)
        .map((document) => kernelPooling(cosines(topic, document), [this.means, this.deviations], masks)),
    );
    const scores = this.linear.forward(F.cat(pooled, 1)).squeeze(1);
    return this.tanh ? scores.tanh() : scores;
  }

  /** Of each length, the n-grams that begin at each word, `[N, L, filters]`; beyond the end there are zeros, as at padding. */
  #ngrams(ids: Tensor): Tensor[] {
    const words = this.embeddings.forward(ids).transpose(1, 2);
    return [...this.convolutions].map((convolution, i) =>
      convolution
        .forward(i === 0 ? words : F.constantPadNd(words, [0, i]))
        .relu()
        .transpose(1, 2),
    );
  }
}
