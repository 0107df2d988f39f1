/**
 * Dual encoders with one vector a text; V. Karpukhin et al., "Dense Passage Retrieval for Open-Domain Question Answering",
 * EMNLP 2020.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { float, int, optional, string } from '../../experiment/types.ts';
import type { Document, Topic } from '../../ir/types.ts';
import { normalize } from '../../torch/nn/functional/normalization.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { DualScorer } from '../dual.ts';
import { documentText, topicText } from '../text/documentText.ts';
import { lengthWithin } from '../text/tokenizedTexts.ts';
import { TextEncoder } from './textEncoders.ts';

/**
 * Scores by the vectors of an encoder.
 *
 * - `encoder`: of documents, and of topics where they have none of their own
 * - `queryEncoder`: of topics; by default the same
 * - `maxTopicLength`, `maxDocumentLength`: tokens that are read; by default 32 and 256, or as many as the
 *   encoder takes
 * - `topicPrefix`, `documentPrefix`: what a model was trained to find before texts, such as `query: ` and `passage: `; none
 */
export abstract class Dense extends config(
  import.meta,
  'xpmir.neural.dual.Dense',
  {
    encoder: param(TextEncoder),
    queryEncoder: param(optional(TextEncoder), { default: undefined, ignoreDefault: true }),
    maxTopicLength: param(optional(int), { default: undefined, ignoreDefault: true }),
    maxDocumentLength: param(optional(int), { default: undefined, ignoreDefault: true }),
    topicPrefix: param(string, { default: '', ignoreDefault: true }),
    documentPrefix: param(string, { default: '', ignoreDefault: true }),
  },
  DualScorer,
) {
  override validate(): void {
    super.validate();
    for (const name of ['maxTopicLength', 'maxDocumentLength'] as const)
      if ((this[name] ?? 1) < 1) throw wrong(`dense.${name}`, 'a positive integer', this[name]);
  }

  collateTopics(topics: readonly Topic[]): unknown {
    const texts = topics.map((topic) => this.topicPrefix + topicText(topic));
    const encoder = this.queryEncoder ?? this.encoder;
    return encoder.collate(
      texts,
      lengthWithin(encoder.places, 'dense.maxTopicLength', this.maxTopicLength, 32),
    );
  }

  collateDocuments(documents: readonly Document[]): unknown {
    const texts = documents.map((document) => this.documentPrefix + documentText(document));
    const { encoder, maxDocumentLength } = this;
    return encoder.collate(
      texts,
      lengthWithin(encoder.places, 'dense.maxDocumentLength', maxDocumentLength, 256),
    );
  }

  encodeTopics(inputs: unknown): Tensor {
    return (this.queryEncoder ?? this.encoder).forward(inputs);
  }

  encodeDocuments(inputs: unknown): Tensor {
    return this.encoder.forward(inputs);
  }
}

/** Scores by dot products. */
export class DotDense extends config(import.meta, 'xpmir.neural.dual.DotDense', {}, Dense) {}

/**
 * Scores by cosines.
 *
 * - `scale`: by which they are multiplied, which losses over several documents need to tell them apart; 1
 */
export class CosineDense extends config(
  import.meta,
  'xpmir.neural.dual.CosineDense',
  { scale: param(float, { default: 1, ignoreDefault: true }) },
  Dense,
) {
  override encodeTopics(inputs: unknown): Tensor {
    const topics = normalize(super.encodeTopics(inputs));
    return this.scale === 1 ? topics : topics.mul(this.scale);
  }

  override encodeDocuments(inputs: unknown): Tensor {
    return normalize(super.encodeDocuments(inputs));
  }
}
