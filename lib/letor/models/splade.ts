/**
 * T. Formal, C. Lassance, B. Piwowarski and S. Clinchant, "SPLADE v2: Sparse Lexical and Expansion Model for Information
 * Retrieval", 2021.
 */
import { expected } from '../../errors.ts';
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { enumeration, int, optional } from '../../experiment/types.ts';
import type { Document, Topic } from '../../ir/types.ts';
import { noGrad } from '../../torch/modes.ts';
import { tidy } from '../../torch/scope.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { PretrainedMaskedLM } from '../../transformers/pretrained.ts';
import { DualScorer } from '../dual.ts';
import { documentText, topicText } from '../text/documentText.ts';
import { lengthWithin, ModelTokenizer, type TokenizedTexts } from '../text/tokenizedTexts.ts';

/**
 * Weighs every token of the vocabulary for a text, most of them with 0; scores are dot products.
 *
 *     w_j = max_i ln(1 + relu(logit_ij)), over the tokens i of the text
 *
 * - `aggregation`: `max`, or `sum` as in the first version
 * - `maxTopicLength`, `maxDocumentLength`: tokens that are read; by default 32 and 256, or as many as the model takes
 */
export class Splade extends config(
  import.meta,
  'xpmir.neural.splade.Splade',
  {
    encoder: param(PretrainedMaskedLM),
    aggregation: param(enumeration('xpmir.neural.splade.Aggregation', ['max', 'sum']), {
      default: 'max',
      ignoreDefault: true,
    }),
    maxTopicLength: param(optional(int), { default: undefined, ignoreDefault: true }),
    maxDocumentLength: param(optional(int), { default: undefined, ignoreDefault: true }),
  },
  DualScorer<TokenizedTexts>,
) {
  #tokenizer: ModelTokenizer | undefined;
  #lengths = { topic: 0, document: 0 };

  override validate(): void {
    super.validate();
    for (const name of ['maxTopicLength', 'maxDocumentLength'] as const)
      if ((this[name] ?? 1) < 1) throw wrong(`splade.${name}`, 'a positive integer', this[name]);
  }

  protected override async build(): Promise<void> {
    const { maxTopicLength, maxDocumentLength } = this;
    this.#tokenizer = await ModelTokenizer.of(this.encoder);
    const { places } = this.#tokenizer;
    this.#lengths = {
      topic: lengthWithin(places, 'splade.maxTopicLength', maxTopicLength, 32),
      document: lengthWithin(places, 'splade.maxDocumentLength', maxDocumentLength, 256),
    };
  }

  /** What a dimension of the vectors stands for. */
  tokenOf(id: number): string | undefined {
    return this.#tokenizer?.tokenizer.tokenOf(id);
  }

  collateTopics(topics: readonly Topic[]): TokenizedTexts {
    return this.#collate(topics.map(topicText), this.#lengths.topic);
  }

  collateDocuments(documents: readonly Document[]): TokenizedTexts {
    return this.#collate(documents.map(documentText), this.#lengths.document);
  }

  encodeTopics(inputs: TokenizedTexts): Tensor {
    return this.#weights(inputs);
  }

  encodeDocuments(inputs: TokenizedTexts): Tensor {
    return this.#weights(inputs);
  }

  #collate(texts: readonly string[], maxLength: number): TokenizedTexts {
    return this.#tokenizer!.encode(texts, { truncation: true, maxLength });
  }

  #weights(inputs: TokenizedTexts): Tensor {
    const logits = this.encoder.forward(inputs); // [N, L, V]
    const mask = inputs.attentionMask.unsqueeze(2).to({ dtype: logits.dtype as 'float32' });
    const weights = logits.relu().add(1).log().mul(mask);
    return this.aggregation === 'max' ? weights.max(1)[0] : weights.sum(1);
  }
}

/** The weights of a text that are not 0, the largest first. */
export interface SparseVector {
  /** Tokens by number. */
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

/**
 * The rows of a matrix without their zeros.
 *
 * @param vectors `[N, V]`, at least 0
 * @param topK of each row only the largest so many; all by default
 */
export function sparseVectors(vectors: Tensor, topK = Infinity): SparseVector[] {
  const [, width] = vectors.shape;
  if (vectors.shape.length !== 2) throw expected('a tensor [N, V]', 'vectors', vectors.shape);
  if (topK !== Infinity && !(Number.isSafeInteger(topK) && topK >= 1))
    throw expected('a positive integer', 'topK', topK);
  return tidy(() =>
    noGrad(() => {
      const [values, indices] = vectors.topk(Math.min(topK, width!), 1);
      const counts = values.gt(0).sum(1).tolist() as number[];
      return counts.map((count, row) => ({
        indices: Int32Array.from(numbersOf(indices, row, count)),
        values: Float32Array.from(numbersOf(values, row, count)),
      }));
    }),
  );
}

function numbersOf(matrix: Tensor, row: number, count: number): number[] {
  const values = matrix.select(0, row).slice(0, 0, count).tolist() as (number | bigint)[];
  return values.map(Number);
}
