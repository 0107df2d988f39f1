/**
 * Text to words, for models over words.
 */
import { config } from '../../experiment/config.ts';

/** Cuts text into words. */
export abstract class WordTokenizer extends config(import.meta, 'xpmir.text.WordTokenizer', {}) {
  /** The words in their order, one after the other, so that whoever needs the first few pays for no more. */
  abstract words(text: string): Iterable<string>;
}

const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/** Runs of letters, marks and digits, in lower case. */
export class SimpleWordTokenizer extends config(
  import.meta,
  'xpmir.text.SimpleWordTokenizer',
  {},
  WordTokenizer,
) {
  *words(text: string): Generator<string> {
    for (const [word] of text.matchAll(WORD)) yield word.toLowerCase();
  }
}
