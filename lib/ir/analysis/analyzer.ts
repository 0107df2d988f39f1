/**
 * Text to the terms of an index, the same for documents and queries.
 */
import { expected } from '../../errors.ts';
import { checkOptions } from '../../options.ts';
import { stem } from './porter.ts';
import { stemEnglish } from './porter2.ts';
import { STOP_WORDS } from './stopWords.ts';
import { TOKENIZERS } from './tokenizers.ts';

/** How text becomes terms, in the order of the steps; JSON, which an index keeps. */
export interface AnalyzerOptions {
  /** Of Unicode, before anything else; default NFKC. */
  readonly normalization?: 'none' | 'NFC' | 'NFKC';
  /** `words` is for prose, `identifiers` takes `readFileSync` apart, `whitespace` takes what stands between spaces; default words. */
  readonly tokenizer?: keyof typeof TOKENIZERS;
  /** Whether case is dropped; default true. */
  readonly lowercase?: boolean;
  /** Whether marks are dropped, so that `é` is `e`; default false. */
  readonly foldAccents?: boolean;
  /** Whether a final `'s` is dropped; default true. */
  readonly possessives?: boolean;
  /** A list by its name, or words of one's own as they are after the steps before; default lucene, which has 33. */
  readonly stopWords?: keyof typeof STOP_WORDS | readonly string[];
  /** `porter` is the algorithm of 1980, `porter2` Snowball's English; default porter. */
  readonly stemmer?: keyof typeof STEMMERS;
  /** Longer tokens, in UTF-16 units, are left out; default 255. */
  readonly maxTokenLength?: number;
}

const STEMMERS = { none: (word: string) => word, porter: stem, porter2: stemEnglish } as const;
const NORMALIZATIONS = { none: undefined, NFC: 'NFC', NFKC: 'NFKC' } as const;
const DEFAULTS: Required<AnalyzerOptions> = {
  normalization: 'NFKC',
  tokenizer: 'words',
  lowercase: true,
  foldAccents: false,
  possessives: true,
  stopWords: 'lucene',
  stemmer: 'porter',
  maxTokenLength: 255,
};

/** Words of a collection are few and come often: what became of them is kept, up to so many. */
const KEPT = 2 ** 16;
/** V8 may keep the whole text for a longer part of it. */
const LONGEST_KEPT = 12;
const NOT_ASCII = /[^\0-\x7f]/;

/** Makes terms of text. */
export class Analyzer {
  /** All of them, with the defaults for those that were not given. */
  readonly options: Required<AnalyzerOptions>;
  readonly #stopWords: ReadonlySet<string>;
  readonly #kept = new Map<string, string>();

  /** @throws ArgumentError for an option, or a value of one, that is not known */
  constructor(options: AnalyzerOptions = {}) {
    checkOptions('Analyzer', options, Object.keys(DEFAULTS));
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    const { stopWords, maxTokenLength, ...rest }: Required<AnalyzerOptions> = {
      ...DEFAULTS,
      ...Object.fromEntries(given),
    };
    checkName('tokenizer', rest.tokenizer, TOKENIZERS);
    checkName('stemmer', rest.stemmer, STEMMERS);
    checkName('normalization', rest.normalization, NORMALIZATIONS);
    for (const name of ['lowercase', 'foldAccents', 'possessives'] as const)
      if (typeof rest[name] !== 'boolean') throw expected('a boolean', name, rest[name]);
    if (!Number.isSafeInteger(maxTokenLength) || maxTokenLength < 1)
      throw expected('a positive integer', 'maxTokenLength', maxTokenLength);
    if (typeof stopWords === 'string') {
      checkName('stopWords', stopWords, STOP_WORDS);
      this.#stopWords = STOP_WORDS[stopWords];
    } else {
      if (!Array.isArray(stopWords) || !stopWords.every((word) => typeof word === 'string'))
        throw expected('the name of a list or an array of words', 'stopWords', stopWords);
      this.#stopWords = new Set(stopWords);
    }
    this.options = Object.freeze({
      ...rest,
      stopWords: typeof stopWords === 'string' ? stopWords : Object.freeze([...stopWords]),
      maxTokenLength,
    });
  }

  /** The terms of a text, in order, repeated as often as they are there. */
  terms(text: string): string[] {
    const terms: string[] = [];
    this.visit(text, (term) => terms.push(term));
    return terms;
  }

  /** Calls `visit` with each of the terms. */
  visit(text: string, visit: (term: string) => void): void {
    const form = NORMALIZATIONS[this.options.normalization];
    const normal = form !== undefined && NOT_ASCII.test(text) ? text.normalize(form) : text;
    TOKENIZERS[this.options.tokenizer](normal, (token) => {
      let term = this.#kept.get(token);
      if (term === undefined) {
        term = this.#termOf(token);
        if (token.length <= LONGEST_KEPT) {
          if (this.#kept.size >= KEPT) this.#kept.clear();
          this.#kept.set(token, term);
        }
      }
      if (term !== '') visit(term);
    });
  }

  /** Empty where the token is left out. */
  #termOf(token: string): string {
    const { lowercase, foldAccents, possessives, stemmer, maxTokenLength } = this.options;
    if (token.length > maxTokenLength) return '';
    let term = lowercase ? token.toLowerCase() : token;
    if (foldAccents && NOT_ASCII.test(term))
      term = term.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC');
    if (possessives && /.'[sS]$/.test(term)) term = term.slice(0, -2);
    return this.#stopWords.has(term) ? '' : STEMMERS[stemmer](term);
  }
}

function checkName(option: string, name: unknown, known: object): void {
  if (typeof name !== 'string' || !Object.hasOwn(known, name))
    throw expected(`one of ${Object.keys(known).join(', ')}`, option, name);
}
