/**
 * Tokens that are found in a text before it is cut into words. The library's own search knows no `single_word`, and strips
 * the text beside a token where Python's takes the space into the token.
 */
import { type Fields, fault } from './fields.ts';
import type { Model } from './models.ts';
import type { Normalizer } from './normalizers.ts';
import { endWithoutSpace, escapeRegex, startWithoutSpace } from './patterns.ts';
import { WORD } from './unicodeTables.ts';

export interface AddedToken {
  readonly content: string;
  readonly id: number;
  readonly special: boolean;
  readonly normalized: boolean;
  readonly singleWord: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** What was found, or the text between. */
export type Section = AddedToken | string;

const ENDS_WITH_WORD = new RegExp(`[${WORD}]$`, 'u');
const STARTS_WITH_WORD = new RegExp(`^[${WORD}]`, 'u');

/** @throws ArgumentError for a token whose id the vocabulary gives to another one, or one with another id there */
export function readAddedTokens(
  file: Fields,
  { vocabulary, tokens }: Pick<Model, 'vocabulary' | 'tokens'>,
): AddedToken[] {
  const holders = new Map(tokens);
  return file.objects('added_tokens', []).map((config) => {
    const special = config.boolean('special', false);
    const token: AddedToken = {
      content: config.string('content'),
      id: config.integer('id'),
      special,
      normalized: config.boolean('normalized', !special),
      singleWord: config.boolean('single_word', false),
      lstrip: config.boolean('lstrip', false),
      rstrip: config.boolean('rstrip', false),
    };
    const { content, id } = token;
    if (content === '') throw fault('some characters', config.at('content'), content);
    const holder = holders.get(id) ?? content;
    if (holder !== content)
      throw fault(`an id that ${JSON.stringify(holder)} does not have`, config.at('id'), id);
    const given = vocabulary.get(content) ?? id;
    if (given !== id) throw fault(`${given}, as in the vocabulary,`, config.at('id'), id);
    holders.set(id, content);
    return token;
  });
}

/** Finds tokens: those as they are in the text first, then the others in the normalized text between. */
export class TokenFinder {
  readonly #plain: Search;
  readonly #normalized: Search;

  constructor(tokens: readonly AddedToken[], normalize: Normalizer) {
    this.#plain = searchFor(
      tokens.filter(({ normalized }) => !normalized),
      (content) => content,
    );
    this.#normalized = searchFor(
      tokens.filter(({ normalized }) => normalized),
      normalize,
    );
  }

  plain(text: string): readonly Section[] {
    return this.#plain(text);
  }

  normalized(text: string): readonly Section[] {
    return this.#normalized(text);
  }
}

function isInWord(text: string, start: number, end: number): boolean {
  return (
    ENDS_WITH_WORD.test(text.slice(Math.max(0, start - 2), start)) ||
    STARTS_WITH_WORD.test(text.slice(end, end + 2))
  );
}

type Search = (text: string) => readonly Section[];

function searchFor(tokens: readonly AddedToken[], normalize: Normalizer): Search {
  const byContent = new Map(tokens.map((token) => [normalize(token.content), token]));
  byContent.delete('');
  if (byContent.size === 0) return (text) => [text];
  // The first alternative that fits is taken: the longest.
  const contents = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(contents.map(escapeRegex).join('|'), 'gu');
  return (text) => {
    const sections: Section[] = [];
    let done = 0;
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const token = byContent.get(content) as AddedToken;
      const end = index + content.length;
      if (token.singleWord && isInWord(text, index, end)) continue;
      const before = token.lstrip ? endWithoutSpace(text, index) : index;
      if (before > done) sections.push(text.slice(done, before));
      sections.push(token);
      done = token.rstrip ? startWithoutSpace(text, end) : end;
    }
    if (done < text.length) sections.push(text.slice(done));
    return sections;
  };
}
