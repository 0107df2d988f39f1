/**
 * Models that make one vector of a text.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { enumeration, int, optional } from '../../experiment/types.ts';
import { Module } from '../../learning/module.ts';
import { Linear } from '../../torch/nn/layers/linear.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { PretrainedEncoder } from '../../transformers/pretrained.ts';
import { ModelTokenizer, type TokenizedTexts } from '../text/tokenizedTexts.ts';
import { WordEmbeddings } from '../text/wordEmbeddings.ts';
import { wordMask } from './interaction.ts';

// Shapes: N texts, L tokens, E width of the hidden states, D width of a vector.

/** Makes vectors of texts. */
export abstract class TextEncoder<I = unknown> extends config(
  import.meta,
  'xpmir.text.encoders.TextEncoder',
  {},
  Module,
) {
  /** How many tokens of a text it takes at most; any number by default. */
  get places(): number {
    return Infinity;
  }

  /** Makes tensors of texts, of each the first `maxLength` tokens. */
  abstract collate(texts: readonly string[], maxLength: number): I;

  /** One vector a text: `[N, D]`. */
  abstract override forward(inputs: I): Tensor;
}

/** The mean of the vectors of a text's words; 0 for a text without any. */
export class MeanWordsEncoder extends config(
  import.meta,
  'xpmir.text.encoders.MeanWordsEncoder',
  { embeddings: param(WordEmbeddings) },
  TextEncoder<Tensor>,
) {
  collate(texts: readonly string[], maxLength: number): Tensor {
    return this.embeddings.encode(texts, maxLength);
  }

  forward(ids: Tensor): Tensor {
    const words = this.embeddings.forward(ids); // [N, L, D]
    const mask = wordMask(ids, words).unsqueeze(2);
    return words.mul(mask).sum(1).div(mask.sum(1).clampMin(1));
  }
}

/**
 * An encoder of a Hugging Face folder, whose states are pooled. The tokenizer is that of the folder.
 *
 * - `pooling`: the state of the first token (`cls`) or the mean of the states of all (`mean`, the default, as for most of
 *   sentence-transformers)
 * - `projection`: width of a linear layer behind; none by default
 */
export class PretrainedTextEncoder extends config(
  import.meta,
  'xpmir.text.encoders.PretrainedTextEncoder',
  {
    encoder: param(PretrainedEncoder),
    pooling: param(enumeration('xpmir.text.encoders.Pooling', ['cls', 'mean']), {
      default: 'mean',
      ignoreDefault: true,
    }),
    projection: param(optional(int), { default: undefined, ignoreDefault: true }),
  },
  TextEncoder<TokenizedTexts>,
) {
  /** There once this is initialised, where `projection` is given. */
  linear: Linear | null = null;
  #tokenizer: ModelTokenizer | undefined;

  override validate(): void {
    super.validate();
    const { projection } = this;
    if (projection !== undefined && projection < 1)
      throw wrong('pretrainedTextEncoder.projection', 'a positive integer', projection);
  }

  protected override async build(): Promise<void> {
    this.#tokenizer = await ModelTokenizer.of(this.encoder);
    if (this.projection !== undefined)
      this.linear = new Linear(this.encoder.model.config.hiddenSize, this.projection);
  }

  override get places(): number {
    return this.#tokenizer!.places;
  }

  collate(texts: readonly string[], maxLength: number): TokenizedTexts {
    return this.#tokenizer!.encode(texts, { truncation: true, maxLength });
  }

  forward(inputs: TokenizedTexts): Tensor {
    const states = this.encoder.forward(inputs).lastHiddenState; // [N, L, E]
    const pooled = this.pooling === 'cls' ? states.select(1, 0) : meanOf(states, inputs.attentionMask);
    return this.linear === null ? pooled : this.linear.forward(pooled);
  }
}

/** The mean of the states where the mask is not 0: `[N, E]`; as sentence-transformers computes it. */
function meanOf(states: Tensor, attentionMask: Tensor): Tensor {
  const mask = attentionMask
    .unsqueeze(2)
    .expandAs(states)
    .to({ dtype: states.dtype as 'float32' });
  return states.mul(mask).sum(1).div(mask.sum(1).clampMin(1e-9));
}
