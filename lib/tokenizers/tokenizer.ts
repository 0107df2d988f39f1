/**
 * Tokenizers from the tokenizer.json of Hugging Face, with the results of Python's tokenizers.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError, expected } from '../errors.ts';
import { cannotRead, checkPath } from '../torch/io/path.ts';
import { readAddedTokens, TokenFinder } from './addedTokens.ts';
import { makeDecoder } from './decoders.ts';
import {
  type Encoding,
  type TextInput,
  type TokenArrays,
  type TokenBatch,
  toArrays,
  toTensors,
} from './encoding.ts';
import { Fields } from './fields.ts';
import { type Limit, limitOf, padded, truncated } from './fitting.ts';
import { type Model, makeModel } from './models.ts';
import { makeNormalizer, type Normalizer } from './normalizers.ts';
import { PostProcessor } from './postProcessor.ts';
import { makePreTokenizer, type PreTokenizer } from './preTokenizers.ts';
import {
  type Companions,
  type EncodeOptions,
  type Fitting,
  fittingOf,
  readSettings,
  type Settings,
} from './settings.ts';

export interface DecodeOptions {
  /** Whether tokens such as [CLS] are left out; true by default. */
  readonly skipSpecialTokens?: boolean;
}

export class Tokenizer {
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

  private constructor(file: Fields, companions: Companions) {
    this.#normalize = makeNormalizer(file.optionalPart('normalizer'));
    this.#preTokenize = makePreTokenizer(file.optionalPart('pre_tokenizer'));
    this.#model = makeModel(file.part('model'));
    const added = readAddedTokens(file, this.#model.vocabulary);
    this.#finder = new TokenFinder(added, this.#normalize);
    this.#postProcessor = new PostProcessor(file.optionalPart('post_processor'));
    this.#decode = makeDecoder(file.optionalPart('decoder'));
    this.#ids = new Map([
      ...this.#model.vocabulary,
      ...added.map(({ content, id }) => [content, id] as const),
    ]);
    this.#tokens = new Map(Array.from(this.#ids, ([token, id]) => [id, token]));
    this.#special = new Set(added.filter(({ special }) => special).map(({ content }) => content));
    this.#largest = Array.from(this.#tokens.keys()).reduce((most, id) => Math.max(most, id), -1);
    this.#settings = readSettings(file, (token) => this.#ids.get(token), companions);
  }

  /**
   * The tokenizer of a folder: tokenizer.json, and what tokenizer_config.json and special_tokens_map.json, where they are,
   * say about padding, sides and length.
   *
   * @throws ArgumentError with the code `ERR_FILE` for files that cannot be read or are wrong
   */
  static async fromFolder(path: string | URL): Promise<Tokenizer> {
    const folder = checkPath(path);
    const config = await readOptional(folder, 'tokenizer_config.json');
    const specialTokens = await readOptional(folder, 'special_tokens_map.json');
    return new Tokenizer(await readJson(join(folder, 'tokenizer.json')), { config, specialTokens });
  }

  /**
   * The tokenizer of a tokenizer.json alone.
   *
   * @throws ArgumentError with the code `ERR_FILE` for a file that cannot be read or is wrong
   */
  static async fromFile(path: string | URL): Promise<Tokenizer> {
    return new Tokenizer(await readJson(checkPath(path)), {});
  }

  /** @internal A folder or a file. */
  static async open(path: string): Promise<Tokenizer> {
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    return isFolder ? Tokenizer.fromFolder(path) : Tokenizer.fromFile(path);
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

  /**
   * Several as tensors for a model; by default filled to the longest.
   *
   * @throws ArgumentError where texts differ in length and there is no padding, or no pad token
   */
  encodeBatch(inputs: readonly TextInput[], options: EncodeOptions = {}): TokenBatch {
    return toTensors(this.encodeArrays(inputs, options));
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

async function readOptional(folder: string, name: string): Promise<Fields | undefined> {
  const path = join(folder, name);
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  return there ? readJson(path) : undefined;
}

async function readJson(path: string): Promise<Fields> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw cannotRead(path, error);
  });
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new ArgumentError(`Expected JSON in ${path} but received ${(error as Error).message}`, 'ERR_FILE');
  }
  return new Fields(content, path);
}
