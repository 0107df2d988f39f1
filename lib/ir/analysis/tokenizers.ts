/**
 * Text to tokens, by the name of the way.
 */
import { tokenizeIdentifiers } from './identifiers.ts';

/** Calls `visit` with each token of a text, in order. */
export type Tokenizer = (text: string, visit: (token: string) => void) => void;

/** Without spaces between words: each character is a token, as in Lucene. */
const LONE = String.raw`[\p{Script=Han}\p{Script=Hiragana}]`;
const PART = String.raw`(?:(?!${LONE})[\p{L}\p{M}\p{N}_])+`;
const JOINT = String.raw`(?:(?<=[\p{L}\p{N}_])['’](?=\p{L})|(?<=\p{Nd})[.,](?=\p{Nd}))`;
const WORD = new RegExp(`${LONE}|${PART}(?:${JOINT}${PART})*`, 'gu');
const NOT_ASCII = /[^\0-\x7f]/;

const LETTER = 1;
const DIGIT = 2;
const UNDERSCORE = 4;
const KINDS = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z]/.test(character)) return LETTER;
  return /[0-9]/.test(character) ? DIGIT : character === '_' ? UNDERSCORE : 0;
});

/**
 * Runs of letters, marks, digits and `_`, with an apostrophe before a letter and a point or comma between digits inside:
 * `don't`, `3.14`. Otherwise as Unicode's word boundaries (UAX #29) would have it, but that points part letters.
 */
function words(text: string, visit: (token: string) => void): void {
  if (NOT_ASCII.test(text)) return matches(text, visit);
  let from = -1;
  for (let i = 0; i < text.length; i++) {
    const kind = KINDS[text.charCodeAt(i)] as number;
    if (kind !== 0) {
      if (from < 0) from = i;
    } else if (from >= 0 && !joins(text, i)) {
      visit(text.slice(from, i));
      from = -1;
    }
  }
  if (from >= 0) visit(text.slice(from));
}

/** The same by an expression, which is several times as slow and knows all of Unicode. */
function matches(text: string, visit: (token: string) => void): void {
  for (const [word] of text.matchAll(WORD)) visit(word.replaceAll('’', "'"));
}

function joins(text: string, i: number): boolean {
  const before = KINDS[text.charCodeAt(i - 1)];
  const after = i + 1 < text.length ? KINDS[text.charCodeAt(i + 1)] : 0;
  switch (text.charAt(i)) {
    case "'":
      return after === LETTER;
    case '.':
    case ',':
      return before === DIGIT && after === DIGIT;
    default:
      return false;
  }
}

/** Whatever stands between white space. */
function whitespace(text: string, visit: (token: string) => void): void {
  for (const [token] of text.matchAll(/\S+/g)) visit(token);
}

function identifiers(text: string, visit: (token: string) => void): void {
  for (const token of tokenizeIdentifiers(text)) visit(token);
}

export const TOKENIZERS = { words, identifiers, whitespace } as const satisfies Record<string, Tokenizer>;
