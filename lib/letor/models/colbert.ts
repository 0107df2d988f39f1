/**
 * O. Khattab and M. Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT",
 * SIGIR 2020.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { bool, int, optional, string } from '../../experiment/types.ts';
import type { Document, Topic } from '../../ir/types.ts';
import { fromTypedArray } from '../../torch/factories.ts';
import { F } from '../../torch/functions.ts';
import { normalize } from '../../torch/nn/functional/normalization.ts';
import { Linear } from '../../torch/nn/layers/linear.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { PretrainedEncoder } from '../../transformers/pretrained.ts';
import { DualScorer } from '../dual.ts';
import { documentText, topicText } from '../text/documentText.ts';
import { lengthWithin, ModelTokenizer, type TokenizedTexts, type TokenRow } from '../text/tokenizedTexts.ts';

// Shapes: T topics of Q tokens, N documents of L tokens, D width of a vector.

/** Tokens, and which of their vectors count. */
export interface LateInputs {
  readonly texts: TokenizedTexts;
  /** `[N, L]`: 1, or 0 for padding and what is skipped. */
  readonly counted: Tensor;
}

const PUNCTUATION = [...'!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'];
/** Added to the cosines of a document's token that does not count: less than any cosine. */
const NEVER = -1e4;

/**
 * One vector a token; the score is Σ_i max_j q_i · d_j over the tokens of the topic and of the document.
 *
 * Vectors have one number more than `dim`: 1 and 0 for the tokens of a document that count, and 1 and −10⁴ for those that
 * do not, so that one product knows which of them the maximum is over, and an index need not keep it beside.
 *
 * - `dim`: width of a vector, of length 1; 128
 * - `maxTopicLength`, `maxDocumentLength`: tokens, markers and those around a text included; by default 32 and 180, or as many as the model takes
 * - `maskAugmentation`: whether topics are filled up to `maxTopicLength` with the token for masked words, whose vectors
 *   count; true
 * - `topicMarker`, `documentMarker`: tokens behind the first one, `[unused0]` and `[unused1]`; none where they are ''
 * - `skipPunctuation`: whether the punctuation of documents counts for nothing; true
 */
export class ColBert extends config(
  import.meta,
  'xpmir.neural.colbert.ColBert',
  {
    encoder: param(PretrainedEncoder),
    dim: param(int, { default: 128, ignoreDefault: true }),
    maxTopicLength: param(optional(int), { default: undefined, ignoreDefault: true }),
    maxDocumentLength: param(optional(int), { default: undefined, ignoreDefault: true }),
    maskAugmentation: param(bool, { default: true, ignoreDefault: true }),
    topicMarker: param(string, { default: '[unused0]', ignoreDefault: true }),
    documentMarker: param(string, { default: '[unused1]', ignoreDefault: true }),
    maskToken: param(string, { default: '[MASK]', ignoreDefault: true }),
    skipPunctuation: param(bool, { default: true, ignoreDefault: true }),
  },
  DualScorer<LateInputs>,
) {
  /** There once this is initialised. */
  linear!: Linear;
  #tokenizer: ModelTokenizer | undefined;
  #lengths = { topic: 0, document: 0 };
  #skipped: ReadonlySet<number> = new Set();

  override validate(): void {
    super.validate();
    const { dim, maxTopicLength, maxDocumentLength } = this;
    for (const [name, value] of Object.entries({ dim, maxTopicLength, maxDocumentLength }))
      if ((value ?? 1) < 1) throw wrong(`colBert.${name}`, 'a positive integer', value);
  }

  protected override async build(): Promise<void> {
    const { maxTopicLength, maxDocumentLength } = this;
    const tokenizer = await ModelTokenizer.of(this.encoder);
    this.#lengths = {
      topic: lengthWithin(tokenizer.places, 'colBert.maxTopicLength', maxTopicLength, 32),
      document: lengthWithin(tokenizer.places, 'colBert.maxDocumentLength', maxDocumentLength, 180),
    };
    for (const name of ['topicMarker', 'documentMarker'] as const)
      if (this[name] !== '') tokenizer.idOf(this[name], `colBert.${name}`);
    if (this.maskAugmentation) tokenizer.idOf(this.maskToken, 'colBert.maskToken');
    const skipped = this.skipPunctuation ? PUNCTUATION.map((token) => tokenizer.tokenizer.idOf(token)) : [];
    this.#skipped = new Set(skipped.filter((id) => id !== undefined));
    this.#tokenizer = tokenizer;
    this.linear = new Linear(this.encoder.model.config.hiddenSize, this.dim, { bias: false });
  }

  collateTopics(topics: readonly Topic[]): LateInputs {
    const rows = this.#rows(topics.map(topicText), this.topicMarker, this.#lengths.topic);
    if (!this.maskAugmentation) return this.#inputs(rows, (row) => row.attentionMask);
    const mask = this.#tokenizer!.idOf(this.maskToken, 'colBert.maskToken');
    // As in the paper's code, such tokens look at the others, and are not looked at.
    const augmented = rows.map((row) => filled(row, this.#lengths.topic, mask));
    return this.#inputs(augmented, (row) => row.ids.map(() => 1));
  }

  collateDocuments(documents: readonly Document[]): LateInputs {
    const rows = this.#rows(documents.map(documentText), this.documentMarker, this.#lengths.document);
    return this.#inputs(rows, ({ ids, attentionMask }) =>
      ids.map((id, i) => (this.#skipped.has(id) ? 0 : attentionMask[i]!)),
    );
  }

  /** `[T, Q, D + 1]` */
  encodeTopics({ texts, counted }: LateInputs): Tensor {
    const vectors = this.#vectors(texts);
    const mask = counted.unsqueeze(2).to({ dtype: vectors.dtype as 'float32' });
    return F.cat([vectors.mul(mask), mask], 2);
  }

  /** `[N, L, D + 1]` */
  encodeDocuments({ texts, counted }: LateInputs): Tensor {
    const vectors = this.#vectors(texts);
    const mask = counted.unsqueeze(2).to({ dtype: vectors.dtype as 'float32' });
    return F.cat([vectors, mask.sub(1).mul(-NEVER)], 2);
  }

  override scoreProduct(topics: Tensor, documents: Tensor): Tensor {
    const [count, tokens, width] = topics.shape as [number, number, number];
    const [others, length] = documents.shape as [number, number];
    const products = topics.reshape([-1, width]).mm(documents.reshape([-1, width]).t());
    return products.view([count, tokens, others, length]).max(3)[0].sum(1);
  }

  override scorePairs(topics: Tensor, documents: Tensor): Tensor {
    return topics.bmm(documents.transpose(1, 2)).max(2)[0].sum(1);
  }

  #vectors(texts: TokenizedTexts): Tensor {
    return normalize(this.linear.forward(this.encoder.forward(texts).lastHiddenState), { dim: 2 });
  }

  /** Tokens of texts, with a marker behind the first. */
  #rows(texts: readonly string[], marker: string, maxLength: number): TokenRow[] {
    const { tokenizer } = this.#tokenizer!;
    const markers = marker === '' ? [] : [this.#tokenizer!.idOf(marker, 'marker')];
    const options = { truncation: true, maxLength: maxLength - markers.length, padding: false } as const;
    return tokenizer.encodeAll(texts, options).map((encoding) => {
      const marked = (values: readonly number[], others: readonly number[]) => [
        ...values.slice(0, 1),
        ...others,
        ...values.slice(1),
      ];
      return {
        ids: marked(encoding.ids, markers),
        typeIds: marked(
          encoding.typeIds,
          markers.map(() => 0),
        ),
        attentionMask: marked(
          encoding.attentionMask,
          markers.map(() => 1),
        ),
      };
    });
  }

  #inputs(rows: readonly TokenRow[], counted: (row: TokenRow) => readonly number[]): LateInputs {
    const length = rows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
    const padded = rows.map((row) => filled(row, length, this.#tokenizer!.tokenizer.padId ?? 0));
    const flat = Int32Array.from(padded.flatMap((row) => [...counted(row)]));
    return { texts: this.#tokenizer!.tensors(padded), counted: fromTypedArray(flat, [rows.length, length]) };
  }
}

/** A row filled up with a token that is not looked at. */
function filled(row: TokenRow, length: number, id: number): TokenRow {
  const missing = Math.max(0, length - row.ids.length);
  const more = (values: readonly number[], value: number) => [
    ...values,
    ...Array<number>(missing).fill(value),
  ];
  return {
    ids: more(row.ids, id),
    typeIds: more(row.typeIds, 0),
    attentionMask: more(row.attentionMask, 0),
  };
}
