/**
 * J. Guo, Y. Fan, Q. Ai and W. B. Croft, "A Deep Relevance Matching Model for Ad-hoc Retrieval", CIKM 2016.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { enumeration, int } from '../../experiment/types.ts';
import { fromTypedArray } from '../../torch/factories.ts';
import { F } from '../../torch/functions.ts';
import { Linear } from '../../torch/nn/layers/linear.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { cosines, InteractionScorer, type WordPairs, wordMask } from './interaction.ts';

// Shapes: N pairs, Q words of a topic, L of a document, B bins.

/** Before softmax, what is no word; far below anything that is learned, and finite where no word is left. */
const NOT_A_WORD = -1e4;
/** Cosines are rounded: what is this close to 1 is the same word. */
const SAME = 1e-5;

/**
 * Scores Σ_i g_i · z_i over the words of a topic: z is computed from a histogram of a word's cosines with the words of
 * the document, g is how much the word counts.
 *
 *     z_i = tanh(W₂ · tanh(W₁ · h_i + b₁) + b₂),   g = softmax(w · idf_i) or softmax(w · v_i)
 *
 * - `histogram`: counts (`CH`), shares of the document (`NH`), or ln(1 + count) (`LCH`, the default, the best in the paper)
 * - `bins`: of equal width over [−1, 1], and one for equal words; 30
 * - `hidden`: width between the layers; 5
 * - `gating`: by `idf`, the default, or by `embedding`, the paper's term vectors
 *
 * Histograms have no gradient: embeddings stay as they are, unless they gate.
 */
export class Drmm extends config(
  import.meta,
  'xpmir.neural.interaction.drmm.Drmm',
  {
    histogram: param(enumeration('xpmir.neural.interaction.drmm.Histogram', ['CH', 'NH', 'LCH']), {
      default: 'LCH',
      ignoreDefault: true,
    }),
    bins: param(int, { default: 30, ignoreDefault: true }),
    hidden: param(int, { default: 5, ignoreDefault: true }),
    gating: param(enumeration('xpmir.neural.interaction.drmm.Gating', ['idf', 'embedding']), {
      default: 'idf',
      ignoreDefault: true,
    }),
  },
  InteractionScorer,
) {
  /** There once this is initialised, as is `idf`. */
  hiddenLayer!: Linear;
  outputLayer!: Linear;
  gate!: Linear;
  /** By number of the word: `[V, 1]`. */
  idf!: Tensor;

  override validate(): void {
    super.validate();
    if (this.bins < 2) throw wrong('drmm.bins', 'an integer of at least 2', this.bins);
    if (this.hidden < 1) throw wrong('drmm.hidden', 'a positive integer', this.hidden);
  }

  protected override build(): void {
    const { embeddings, bins, hidden, gating } = this;
    this.hiddenLayer = new Linear(bins, hidden);
    this.outputLayer = new Linear(hidden, 1);
    this.gate = new Linear(gating === 'idf' ? 1 : embeddings.dim, 1, { bias: false });
    const idf = embeddings.words.idf();
    this.registerBuffer('idf', fromTypedArray(idf, [idf.length, 1]));
  }

  forward({ topics, documents }: WordPairs): Tensor {
    const words = this.embeddings.forward(topics); // [N, Q, E]
    const mask = wordMask(topics, words);
    const documentMask = wordMask(documents, words);
    const near = cosines(words.detach(), this.embeddings.forward(documents).detach());
    const histograms = this.#scaled(this.#histograms(near, documentMask), documentMask);
    const z = this.outputLayer.forward(this.hiddenLayer.forward(histograms).tanh()).tanh().squeeze(2); // [N, Q]
    const gated = this.gating === 'idf' ? F.embedding(this.idf, topics) : words;
    const logits = this.gate.forward(gated).squeeze(2).maskedFill(mask.eq(0), NOT_A_WORD);
    return logits.softmax(1).mul(z).mul(mask).sum(1);
  }

  /** How many cosines are in each bin: `[N, Q, B]`. */
  #histograms(near: Tensor, documentMask: Tensor): Tensor {
    const last = this.bins - 1;
    const bins = near
      .add(1 + SAME)
      .mul(last / 2)
      .clamp(0, last)
      .to({ dtype: 'int64' }); // [N, Q, L]
    const counts = F.zeros([...near.shape.slice(0, 2), this.bins], {
      dtype: near.dtype as 'float32',
      device: near.device,
    });
    return counts.scatterAdd(2, bins, documentMask.unsqueeze(1).expandAs(near));
  }

  #scaled(counts: Tensor, documentMask: Tensor): Tensor {
    if (this.histogram === 'CH') return counts;
    if (this.histogram === 'LCH') return counts.log1p();
    return counts.div(documentMask.sum(1).clampMin(1).view([-1, 1, 1]));
  }
}
