/**
 * Vocabularies of words: counted from texts, kept in a file that is named by what is in it.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ArgumentError, expected } from '../../errors.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { pathname, string } from '../../experiment/types.ts';
import { writeFileAtomically } from '../../learning/files.ts';
import { checkOptions } from '../../options.ts';
import { type WordCount, Words } from './words.ts';
import { SimpleWordTokenizer, WordTokenizer } from './wordTokenizer.ts';

export interface VocabularyOptions {
  /** Where to write it: JSON. */
  readonly file: string | URL;
  /** Default: runs of letters and digits, in lower case. */
  readonly tokenizer?: WordTokenizer;
  /** Words that occur less often are left out; default 1. */
  readonly minCount?: number;
  /** Of all words that many, the most frequent ones; default all. */
  readonly maxWords?: number;
}

const TEXTS_PER_TURN = 256;

/**
 * Words of a file, and how text is cut into them.
 *
 * - `file`: where it is; not in the identity
 * - `sha256`: of its bytes, by which it is known in the identity, and by which a file that changed is refused
 */
export class Vocabulary extends config(import.meta, 'xpmir.text.Vocabulary', {
  file: param(pathname),
  sha256: param(string),
  tokenizer: param(WordTokenizer, { default: () => new SimpleWordTokenizer(), ignoreDefault: true }),
}) {
  #words: Promise<Words> | undefined;

  /**
   * Counts the words of texts, given one after the other, and writes the file: by frequency, words that are equally
   * frequent in the order of their characters.
   */
  static async build(
    texts: Iterable<string> | AsyncIterable<string>,
    options: VocabularyOptions,
  ): Promise<Vocabulary> {
    checkOptions('Vocabulary.build', options, ['file', 'tokenizer', 'minCount', 'maxWords']);
    const { file, tokenizer = new SimpleWordTokenizer(), minCount = 1, maxWords = Infinity } = options;
    if (!(Number.isSafeInteger(minCount) && minCount >= 1))
      throw expected('a positive integer', 'minCount', minCount);
    if (!(maxWords >= 1)) throw expected('a positive integer', 'maxWords', maxWords);
    const { count, counts } = await countWords(texts, tokenizer);
    if (count === 0) throw new ArgumentError('Expected at least one text for a vocabulary but received none');
    const kept = [...counts]
      .map(([word, [total, inTexts]]): WordCount => [word, total, inTexts])
      .filter(([, total]) => total >= minCount)
      .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
      .slice(0, maxWords);
    const json = new Words(count, kept).toJson();
    const path = typeof file === 'string' ? resolve(file) : fileURLToPath(file);
    await writeFileAtomically(path, json);
    return new Vocabulary({ file: path, sha256: digest(json), tokenizer });
  }

  /** The vocabulary that a file has now. */
  static async read(file: string | URL, tokenizer?: WordTokenizer): Promise<Vocabulary> {
    return new Vocabulary({ file, sha256: digest(await content(file)), tokenizer });
  }

  /**
   * The words, read once.
   *
   * @throws ArgumentError with the code `ERR_FILE` for a file that is not the one that was meant
   */
  load(): Promise<Words> {
    this.#words ??= this.#read();
    return this.#words;
  }

  async #read(): Promise<Words> {
    const { file, sha256 } = this;
    const bytes = await content(file);
    const found = digest(bytes);
    if (found !== sha256)
      throw new ArgumentError(
        `Expected a vocabulary with the SHA-256 ${sha256} in ${file} but it has ${found}`,
        'ERR_FILE',
      );
    return Words.fromJson(bytes.toString('utf8'), file);
  }
}

async function countWords(texts: Iterable<string> | AsyncIterable<string>, tokenizer: WordTokenizer) {
  const counts = new Map<string, [total: number, texts: number]>();
  let count = 0;
  for await (const text of texts) {
    if (typeof text !== 'string') throw expected('a text', `texts[${count}]`, text);
    count += 1;
    const seen = new Set<string>();
    for (const word of tokenizer.words(text)) {
      const entry = counts.get(word);
      if (entry === undefined) counts.set(word, [1, 1]);
      else {
        entry[0] += 1;
        if (!seen.has(word)) entry[1] += 1;
      }
      seen.add(word);
    }
    // What is at hand already gives no turn to anybody else.
    if (count % TEXTS_PER_TURN === 0) await setImmediate();
  }
  return { count, counts };
}

function digest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function content(file: string | URL): Promise<Buffer> {
  return readFile(file).catch((error: unknown) => {
    throw new ArgumentError(
      `Expected a file that can be read at ${file}: ${(error as Error).message}`,
      'ERR_FILE',
    );
  });
}
