/**
 * Texts as a model of a Hugging Face folder takes them.
 */
import { expected } from '../../errors.ts';
import type { Encoding, TextInput } from '../../tokenizers/encoding.ts';
import type { EncodeOptions } from '../../tokenizers/settings.ts';
import { Tokenizer } from '../../tokenizers/tokenizer.ts';
import { fromTypedArray } from '../../torch/factories.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { type ModelConfig, placesOf } from '../../transformers/configuration.ts';
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
  /** How many tokens the model takes at most. */
  readonly places: number;
  readonly #hasTypes: boolean;

  private constructor(tokenizer: Tokenizer, places: number, hasTypes: boolean) {
    this.tokenizer = tokenizer;
    this.places = places;
    this.#hasTypes = hasTypes;
  }

  /** @throws ArgumentError for a tokenizer with more tokens than the model */
  static async of({
    folder,
    model,
  }: Pretrained & { readonly model: PreTrainedModel }): Promise<ModelTokenizer> {
    const tokenizer = await Tokenizer.fromFolder(folder);
    const config = model.config as ModelConfig & { readonly typeVocabSize?: number };
    const { vocabSize, typeVocabSize = 1 } = config;
    if (tokenizer.vocabularySize > vocabSize)
      throw expected(
        `at most the ${vocabSize} tokens of the model`,
        `the tokenizer in ${folder}`,
        tokenizer.vocabularySize,
      );
    return new ModelTokenizer(tokenizer, placesOf(config), typeVocabSize > 1);
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

/**
 * How many tokens of a text are read: as many as were asked for, else the usual number, or all that the model takes.
 *
 * @throws ArgumentError for more than the model takes, by the name of the parameter
 */
export function lengthWithin(places: number, name: string, given: number | undefined, usual: number): number {
  if (given === undefined) return Math.min(usual, places);
  if (given > places) throw expected(`at most the ${places} places of the model`, name, given);
  return given;
}
