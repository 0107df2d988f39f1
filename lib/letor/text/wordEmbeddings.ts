/**
 * Vectors of words, trained here or read from a file.
 */
import { ArgumentError } from '../../errors.ts';
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { bool, int, pathname, string } from '../../experiment/types.ts';
import { Module, ModuleInitMode, type ModuleInitOptions } from '../../learning/module.ts';
import { fromTypedArray } from '../../torch/factories.ts';
import { noGrad } from '../../torch/modes.ts';
import { normal_ } from '../../torch/nn/init/draw.ts';
import { Embedding } from '../../torch/nn/layers/embedding.ts';
import { tidy } from '../../torch/scope.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { Vocabulary } from './vocabulary.ts';
import { PADDING, type Words } from './words.ts';
import { readWordVectors } from './wordVectors.ts';

/** A table of vectors, one a word; that of padding is 0 and is not trained. */
export abstract class WordEmbeddings extends config(
  import.meta,
  'xpmir.text.WordEmbeddings',
  {
    vocabulary: param(Vocabulary),
    /** Width of a vector. */
    dim: param(int),
  },
  Module,
) {
  /** There once this is initialised. */
  table!: Embedding;
  #words: Words | undefined;

  override validate(): void {
    super.validate();
    if (this.dim < 1) throw wrong('wordEmbeddings.dim', 'a positive integer', this.dim);
  }

  protected override async build(_options: ModuleInitOptions): Promise<void> {
    this.#words = await this.vocabulary.load();
    this.table = new Embedding(this.#words.size, this.dim, { paddingIdx: PADDING });
  }

  /** The words; once this is initialised. */
  get words(): Words {
    if (this.#words !== undefined) return this.#words;
    throw new ArgumentError(
      `${this.constructor.name} has no words yet: initialise the model first, as a Learner or initializeModel does`,
    );
  }

  /**
   * The numbers of words of texts, the first `maxLength` of each, filled up with {@link PADDING}: int64 `[N, L]`, L being
   * at least 1.
   */
  encode(texts: readonly string[], maxLength: number): Tensor {
    const { tokenizer } = this.vocabulary;
    const rows = texts.map((text) => {
      const ids: number[] = [];
      for (const word of tokenizer.words(text)) {
        ids.push(this.words.idOf(word));
        if (ids.length === maxLength) break;
      }
      return ids;
    });
    const length = rows.reduce((most, row) => Math.max(most, row.length), 1);
    const flat = new Int32Array(rows.length * length);
    for (const [i, row] of rows.entries()) flat.set(row, i * length);
    return fromTypedArray(flat, [rows.length, length], { dtype: 'int64' });
  }

  /** Vectors `[N, L, dim]` of numbers `[N, L]`. */
  forward(ids: Tensor): Tensor {
    return this.table.forward(ids);
  }
}

/** Vectors that are drawn from N(0, 1), as PyTorch's are, and trained with the rest. */
export class TrainedWordEmbeddings extends config(
  import.meta,
  'xpmir.text.TrainedWordEmbeddings',
  {},
  WordEmbeddings,
) {}

/**
 * Vectors of a text file of GloVe or word2vec: a word and `dim` numbers a line, word2vec's after a line with two counts.
 *
 * - `vectorsId`: names them in the identity, such as 'glove.6B.300d'
 * - `file`: where they are; not in the identity. What was trained from there does not need it any more.
 * - `trainable`: false
 *
 * Words that the file lacks are drawn from N(0, σ²), σ being the deviation of those that it has.
 */
export class FileWordEmbeddings extends config(
  import.meta,
  'xpmir.text.FileWordEmbeddings',
  {
    vectorsId: param(string),
    file: param(pathname),
    trainable: param(bool, { default: false, ignoreDefault: true }),
  },
  WordEmbeddings,
) {
  protected override async build(options: ModuleInitOptions): Promise<void> {
    await super.build(options);
    const { weight } = this.table;
    if (options.mode === ModuleInitMode.DEFAULT) {
      const { rows, vectors, deviation } = await readWordVectors(this.file, this.words, this.dim);
      tidy(() =>
        noGrad(() => {
          normal_(weight, 0, deviation);
          weight.select(0, PADDING).zero_();
          const index = fromTypedArray(rows, [rows.length], { dtype: 'int64' });
          weight.indexCopy_(0, index, fromTypedArray(vectors, [rows.length, this.dim]));
        }),
      );
    }
    weight.requiresGrad = this.trainable;
  }
}
