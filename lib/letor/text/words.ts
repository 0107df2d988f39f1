/**
 * The words of a vocabulary file: what is in it, and reading it.
 */
import { ArgumentError } from '../../errors.ts';
import { isPlainObject } from '../../plainObject.ts';

/** The number of no word: what fills the rows of a batch. */
export const PADDING = 0;
/** The number of every word that a vocabulary does not have. */
export const UNKNOWN = 1;
const FIRST_WORD = 2;

/** A word, how often it occurred, and in how many texts. */
export type WordCount = readonly [word: string, count: number, texts: number];

/** Words by number: {@link PADDING}, {@link UNKNOWN}, then the words of the file in its order. */
export class Words {
  /** Texts that were counted. */
  readonly texts: number;
  readonly #counts: readonly WordCount[];
  readonly #ids: ReadonlyMap<string, number>;

  constructor(texts: number, counts: readonly WordCount[]) {
    this.texts = texts;
    this.#counts = counts;
    this.#ids = new Map(counts.map(([word], i) => [word, FIRST_WORD + i]));
  }

  /** One more than the largest number: rows of an embedding. */
  get size(): number {
    return FIRST_WORD + this.#counts.length;
  }

  idOf(word: string): number {
    return this.#ids.get(word) ?? UNKNOWN;
  }

  /** Undefined for padding and for the unknown word. */
  wordOf(id: number): string | undefined {
    return this.#counts[id - FIRST_WORD]?.[0];
  }

  /** In the order of their numbers, without those for padding and for the unknown word. */
  list(): string[] {
    return this.#counts.map(([word]) => word);
  }

  has(word: string): boolean {
    return this.#ids.has(word);
  }

  /**
   * Inverse document frequency by number, ln(1 + (N − df + 0.5) / (df + 0.5)), that of BM25; 0 for padding, and for the
   * unknown word that of one that is in no text.
   */
  idf(): Float32Array {
    const textsWith = (id: number) => this.#counts[id - FIRST_WORD]?.[2] ?? 0;
    const idf = (df: number) => Math.log(1 + (this.texts - df + 0.5) / (df + 0.5));
    return Float32Array.from({ length: this.size }, (_, id) => (id === PADDING ? 0 : idf(textsWith(id))));
  }

  /** The text of a vocabulary file. */
  toJson(): string {
    const lines = this.#counts.map((count) => JSON.stringify(count));
    return `{"version":1,"texts":${this.texts},"words":[\n${lines.join(',\n')}\n]}\n`;
  }

  /**
   * Reads the text of a vocabulary file.
   *
   * @param file its name, for messages
   * @throws ArgumentError with the code `ERR_FILE` for what is none
   */
  static fromJson(text: string, file: string): Words {
    const refuse = (what: string): never => {
      throw new ArgumentError(`Expected a vocabulary in ${file} but ${what}`, 'ERR_FILE');
    };
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      return refuse(`it is no JSON: ${(error as Error).message}`);
    }
    if (!isPlainObject(value)) return refuse('it is no object');
    const { version, texts, words } = value as Record<string, unknown>;
    if (version !== 1) return refuse(`its version is not 1`);
    if (!isCount(texts)) return refuse('texts is no count');
    if (!Array.isArray(words)) return refuse('words is no list');
    const wrong = words.findIndex((entry) => !isWordCount(entry));
    if (wrong >= 0) return refuse(`words[${wrong}] is not a word with two counts`);
    const found = new Words(texts as number, words as WordCount[]);
    if (found.#ids.size < words.length) return refuse('a word is there twice');
    return found;
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isWordCount(entry: unknown): entry is WordCount {
  if (!Array.isArray(entry) || entry.length !== 3) return false;
  return typeof entry[0] === 'string' && isCount(entry[1]) && isCount(entry[2]);
}
