/**
 * R. Nogueira and K. Cho, "Passage Re-ranking with BERT", 2019.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { enumeration, int, optional } from '../../experiment/types.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { CrossEncoder } from '../../transformers/pretrained.ts';
import { pairIndices, type ScoredPairs } from '../records.ts';
import { Scorer, ScorerOutputType } from '../scorer.ts';
import { documentText, topicText } from '../text/documentText.ts';
import { lengthWithin, ModelTokenizer, type TokenizedTexts } from '../text/tokenizedTexts.ts';

/**
 * Scores a topic and a document that are read as one text. The tokenizer is that of the encoder's folder.
 *
 * - `encoder`: with one label, whose logit is the score; or with two, as monoBERT's, where it is ln softmax(logits)₁
 * - `maxLength`: tokens of both; by default 512, or as many as the model takes
 * - `truncation`: what is cut where they have more. By default the document alone, `only_second`, and a topic that
 *   leaves no room is an error; `longest_first` cuts whichever is longer
 */
export class CrossScorer extends config(
  import.meta,
  'xpmir.neural.cross.CrossScorer',
  {
    encoder: param(CrossEncoder),
    maxLength: param(optional(int), { default: undefined, ignoreDefault: true }),
    truncation: param(enumeration('xpmir.neural.cross.Truncation', ['only_second', 'longest_first']), {
      default: 'only_second',
      ignoreDefault: true,
    }),
  },
  Scorer<TokenizedTexts>,
) {
  #tokenizer: ModelTokenizer | undefined;
  #maxLength = 0;

  override validate(): void {
    super.validate();
    const { maxLength } = this;
    if (maxLength !== undefined && maxLength < 1)
      throw wrong('crossScorer.maxLength', 'a positive integer', maxLength);
    checkLabels(this.encoder.labels ?? 1);
  }

  override get outputType(): ScorerOutputType {
    return (this.encoder.labels ?? 1) === 1 ? ScorerOutputType.REAL : ScorerOutputType.LOG_PROBABILITY;
  }

  protected override async build(): Promise<void> {
    checkLabels(this.encoder.labels);
    this.#tokenizer = await ModelTokenizer.of(this.encoder);
    this.#maxLength = lengthWithin(this.#tokenizer.places, 'crossScorer.maxLength', this.maxLength, 512);
  }

  collate(pairs: ScoredPairs): TokenizedTexts {
    const { topicIndices, documentIndices } = pairIndices(pairs);
    const topics = pairs.topics.map(topicText);
    const documents = pairs.documents.map(documentText);
    const inputs = Array.from(
      topicIndices,
      (topic, i) => [topics[topic]!, documents[documentIndices[i]!]!] as const,
    );
    return this.#tokenizer!.encode(inputs, { truncation: this.truncation, maxLength: this.#maxLength });
  }

  forward(inputs: TokenizedTexts): Tensor {
    const logits = this.encoder.forward(inputs); // [N, labels]
    return this.encoder.labels === 1 ? logits.squeeze(1) : logits.logSoftmax(1).select(1, 1);
  }
}

function checkLabels(labels: number | undefined): void {
  if (labels !== 1 && labels !== 2) throw wrong('crossScorer.encoder.numLabels', '1 or 2', labels);
}
