/**
 * Texts as a model of a Hugging Face folder takes them.
 */
import { expected } from '../../errors.ts';
import type { Encoding, TextInput } from '../../tokenizers/encoding.ts';
import type { EncodeOptions } from '../../tokenizers/settings.ts';
import { Tokenizer } from '../../tokenizers/tokenizer.ts';
import { fromTypedArray } from '../../torch/factories.ts';
import type { Tensor } from '../../torch/tensor.ts';
import type { ModelConfig } from '../../transformers/configuration.ts';
import type { PreTrainedModel } from '../../transformers/model.ts';
import type { Pretrained } from '../../transformers/pretrained.ts';

/** N texts of at most L tokens. */
export interface TokenizedTexts {
  /** int64 `[N, L]` */
  readonly inputIds: Tensor;
  /** int64 `[N, L]`, 0 at padding. */
  readonly attentionMask: Tensor;
  /** int64 `[N, L]`, of models that tell the texts of a pair apart. */
  readonly tokenTypeIds?: Tensor;
  /** Whether the mask hides anything, as Python's library looks at it. */
  readonly isPadded: boolean;
}

/** Rows that are filled up to one length. */
export interface TokenRow {
  readonly ids: readonly number[];
  readonly typeIds: readonly number[];
  readonly attentionMask: readonly number[];
}

/** The tokenizer in the folder of a model. */
export class ModelTokenizer {
  readonly tokenizer: Tokenizer;
  readonly #hasTypes: boolean;

  private constructor(tokenizer: Tokenizer, hasTypes: boolean) {
    this.tokenizer = tokenizer;
    this.#hasTypes = hasTypes;
  }

  /**
   * @param longest how many tokens a text will have at most, for which the model must have places
   * @throws ArgumentError for a tokenizer with more tokens than the model, or a model with fewer places
   */
  static async of(
    { folder, model }: Pretrained & { readonly model: PreTrainedModel },
    longest: number,
  ): Promise<ModelTokenizer> {
    const tokenizer = await Tokenizer.fromFolder(folder);
    const {
      vocabSize,
      maxPositionEmbeddings,
      typeVocabSize = 1,
    } = model.config as ModelConfig & {
      readonly typeVocabSize?: number;
    };
    if (tokenizer.vocabularySize > vocabSize)
      throw expected(
        `at most the ${vocabSize} tokens of the model`,
        `the tokenizer in ${folder}`,
        tokenizer.vocabularySize,
      );
    if (longest > maxPositionEmbeddings)
      throw expected(
        `at most the ${maxPositionEmbeddings} places of the model in ${folder}`,
        'the tokens of a text',
        longest,
      );
    return new ModelTokenizer(tokenizer, typeVocabSize > 1);
  }

  /** Texts or pairs, cut and filled up to the longest. */
  encode(inputs: readonly TextInput[], options: EncodeOptions): TokenizedTexts {
    return this.tensors(this.tokenizer.encodeAll(inputs, { ...options, padding: 'longest' }));
  }

  /** The number of a token. @throws ArgumentError for one that there is not */
  idOf(token: string, name: string): number {
    const id = this.tokenizer.idOf(token);
    if (id === undefined) throw expected('a token of the vocabulary', name, token);
    return id;
  }

  /** Rows of one length as tensors. */
  tensors(rows: readonly TokenRow[] | readonly Encoding[]): TokenizedTexts {
    const length = rows[0]?.ids.length ?? 0;
    const tensor = (part: 'ids' | 'typeIds' | 'attentionMask') => {
      const flat = new Int32Array(rows.length * length);
      for (const [i, row] of rows.entries()) flat.set(row[part], i * length);
      return fromTypedArray(flat, [rows.length, length], { dtype: 'int64' });
    };
    return {
      inputIds: tensor('ids'),
      attentionMask: tensor('attentionMask'),
      ...(this.#hasTypes && { tokenTypeIds: tensor('typeIds') }),
      isPadded: rows.some(({ attentionMask }) => attentionMask.includes(0)),
    };
  }
}
