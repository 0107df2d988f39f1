/**
 * From text to ids and back, step by step as Python's tokenizers does it.
 */
import { expected } from '../errors.ts';
import { readAddedTokens, TokenFinder } from './addedTokens.ts';
import { makeDecoder } from './decoders.ts';
import { type Encoding, type TextInput, type TokenArrays, toArrays } from './encoding.ts';
import type { TokenizerFiles } from './files.ts';
import { type Limit, limitOf, padded, truncated } from './fitting.ts';
import { type Model, makeModel } from './models.ts';
import { makeNormalizer, type Normalizer } from './normalizers.ts';
import { PostProcessor } from './postProcessor.ts';
import { makePreTokenizer, type PreTokenizer } from './preTokenizers.ts';
import { type EncodeOptions, type Fitting, fittingOf, readSettings, type Settings } from './settings.ts';

export interface DecodeOptions {
  /** Whether tokens such as [CLS] are left out; true by default. */
  readonly skipSpecialTokens?: boolean;
}

/** All of a Tokenizer but tensors: threads that encode need no libtorch. */
export class TokenEncoder {
  readonly #normalize: Normalizer;
  readonly #preTokenize: PreTokenizer;
  readonly #model: Model;
  readonly #finder: TokenFinder;
  readonly #postProcessor: PostProcessor;
  readonly #decode: (tokens: readonly string[]) => string;
  readonly #settings: Settings;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokens: ReadonlyMap<number, string>;
  readonly #special: ReadonlySet<string>;
  readonly #largest: number;

  /** @throws ArgumentError with the code `ERR_FILE` for files that are wrong */
  constructor({ tokenizer: file, ...companions }: TokenizerFiles) {
    this.#normalize = makeNormalizer(file.optionalPart('normalizer'));
    this.#preTokenize = makePreTokenizer(file.optionalPart('pre_tokenizer'));
    this.#model = makeModel(file.part('model'));
    const added = readAddedTokens(file, this.#model);
    this.#finder = new TokenFinder(added, this.#normalize);
    this.#postProcessor = new PostProcessor(file.optionalPart('post_processor'));
    this.#decode = makeDecoder(file.optionalPart('decoder'));
    this.#ids = new Map([
      ...this.#model.vocabulary,
      ...added.map(({ content, id }) => [content, id] as const),
    ]);
    this.#tokens = new Map([
      ...this.#model.tokens,
      ...added.map(({ content, id }) => [id, content] as const),
    ]);
    this.#special = new Set(added.filter(({ special }) => special).map(({ content }) => content));
    this.#largest = Array.from(this.#tokens.keys()).reduce((most, id) => Math.max(most, id), -1);
    const tokens = { idOf: (token: string) => this.#ids.get(token), special: this.#special };
    this.#settings = readSettings(file, tokens, companions);
  }

  /** One more than the largest id: rows of an embedding. */
  get vocabularySize(): number {
    return this.#largest + 1;
  }

  /** Tokens that the model takes, as its configuration says. */
  get maxLength(): number | undefined {
    return this.#settings.maxLength;
  }

  get padToken(): string | undefined {
    return this.#settings.padToken;
  }

  get padId(): number | undefined {
    return this.#settings.padId;
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#tokens.get(id);
  }

  /** One text or pair; by default neither cut nor filled. */
  encode(input: TextInput, options: EncodeOptions = {}): Encoding {
    return this.encodeAll([input], options)[0] as Encoding;
  }

  /** Several; by default neither cut nor filled. */
  encodeAll(inputs: readonly TextInput[], options: EncodeOptions = {}): Encoding[] {
    return this.#encodeAll(inputs, fittingOf(options, this.#settings, false));
  }

  /** Several as arrays of one length; by default filled to the longest. */
  encodeArrays(inputs: readonly TextInput[], options: EncodeOptions = {}): TokenArrays {
    return toArrays(this.#encodeAll(inputs, fittingOf(options, this.#settings, 'longest')));
  }

  /** Ids as text; ids that no token has are left out. */
  decode(ids: Iterable<number | bigint>, { skipSpecialTokens = true }: DecodeOptions = {}): string {
    const tokens = Array.from(ids, (id) => this.#tokens.get(Number(id)));
    return this.#decode(
      tokens.filter(
        (token) => token !== undefined && !(skipSpecialTokens && this.#special.has(token)),
      ) as string[],
    );
  }

  #encodeAll(inputs: readonly TextInput[], { addSpecialTokens, truncation, padding }: Fitting): Encoding[] {
    if (!Array.isArray(inputs)) throw expected('an array of texts', 'inputs', inputs);
    const encodings = inputs.map((input: unknown, i) => {
      const texts = textsOf(input, `inputs[${i}]`).map((text, index) =>
        this.#textIds(text, limitOf(truncation, index)),
      );
      const added = addSpecialTokens ? this.#postProcessor.added(texts.length === 2) : 0;
      const fitting = truncation === undefined ? texts : truncated(texts, added, truncation);
      return this.#postProcessor.process(fitting, addSpecialTokens);
    });
    return padding === undefined ? encodings : padded(encodings, padding);
  }

  #textIds(text: string, limit: Limit | undefined): readonly number[] {
    const pieces = this.#pieces(text);
    if (limit?.side === 'left') pieces.reverse();
    const found: (readonly number[])[] = [];
    let count = 0;
    for (const piece of pieces) {
      const ids = typeof piece === 'string' ? this.#model.encode(piece) : [piece];
      found.push(ids);
      count += ids.length;
      if (limit !== undefined && count >= limit.tokens && typeof piece === 'string') break;
    }
    if (limit?.side === 'left') found.reverse();
    return found.flat();
  }

  /** Words, and ids of added tokens between them. */
  #pieces(text: string): (string | number)[] {
    const pieces: (string | number)[] = [];
    let atStart = true;
    for (const section of this.#finder.plain(wellFormed(text))) {
      const parts =
        typeof section === 'string' ? this.#finder.normalized(this.#normalize(section)) : [section];
      for (const part of parts) {
        if (typeof part !== 'string') pieces.push(part.id);
        else if (part !== '') for (const word of this.#preTokenize(part, atStart)) pieces.push(word);
        atStart = false;
      }
    }
    return pieces;
  }
}

function textsOf(input: unknown, name: string): readonly string[] {
  if (typeof input === 'string') return [input];
  const isPair =
    Array.isArray(input) && input.length === 2 && input.every((text) => typeof text === 'string');
  if (!isPair) throw expected('a text or a pair of texts', name, input);
  return input as string[];
}

/** As UTF-8 would have it. */
function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed();
}
