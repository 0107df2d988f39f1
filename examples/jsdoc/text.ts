/**
 * What the rankers see of a text.
 */
import { Analyzer, type AnalyzerOptions, tokenizeIdentifiers } from 'xpmir/ir';

/** Stemmed words without stop words, for BM25 and for comparing sentences. */
export const ANALYZER: AnalyzerOptions = {
  tokenizer: 'identifiers',
  stopWords:
    'a an and are as at be by for from if in is it its of on or that the this to when which will with'.split(
      ' ',
    ),
};
const analyzer = new Analyzer(ANALYZER);

export function terms(text: string): string[] {
  return analyzer.terms(text);
}

/** Every word and the three-letter pieces of each, hashed into `buckets` numbers, each number once. */
export function hashedFeatures(text: string, buckets: number): Int32Array {
  const numbers = new Set<number>();
  for (const word of new Set(tokenizeIdentifiers(text))) {
    numbers.add(hash(`word ${word}`) % buckets);
    const bounded = `<${word}>`;
    for (let i = 0; i + 3 <= bounded.length; i++) numbers.add(hash(bounded.slice(i, i + 3)) % buckets);
  }
  return Int32Array.from(numbers);
}

/** FNV-1a, 32 bits, and a last mix so that neighbouring strings do not get neighbouring numbers. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
