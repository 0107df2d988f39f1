/**
 * BM25 over an inverted index held in typed arrays.
 */
import { ArgumentError, expected } from '../errors.ts';
import { type Hit, topK } from './topK.ts';

export interface Bm25Options {
  /** How fast repeated terms saturate, at least 0; default 1.2, as in Lucene. */
  readonly k1?: number;
  /** How much long documents are held back, from 0 to 1; default 0.75, as in Lucene. */
  readonly b?: number;
}

/**
 * An immutable index scored by Lucene's BM25:
 *
 *     score(q, d) = Σ_t idf(t) · tf / (tf + k1 · (1 − b + b · |d| / avgdl))
 *     idf(t) = ln(1 + (N − df + 0.5) / (df + 0.5))
 *
 * A term that the query repeats counts as often as it is there. Lengths are exact: Lucene rounds them to a byte.
 */
export class Bm25Index {
  readonly k1: number;
  readonly b: number;
  readonly #terms = new Map<string, number>();
  /** Postings of term t lie from offset t to offset t + 1. */
  readonly #offsets: Uint32Array;
  readonly #docs: Uint32Array;
  readonly #frequencies: Uint32Array;
  /** k1 · (1 − b + b · |d| / avgdl) of each document. */
  readonly #norms: Float64Array;

  /**
   * @param documents the tokens of each document, in the order of their numbers
   */
  constructor(documents: Iterable<readonly string[]>, options: Bm25Options = {}) {
    const { k1 = 1.2, b = 0.75 } = options;
    if (!(k1 >= 0 && Number.isFinite(k1))) throw expected('a number of at least 0', 'k1', k1);
    if (!(b >= 0 && b <= 1)) throw expected('a number from 0 to 1', 'b', b);
    this.k1 = k1;
    this.b = b;

    const lengths: number[] = [];
    const postings: { docs: number[]; frequencies: number[] }[] = [];
    for (const tokens of documents) {
      const doc = lengths.length;
      lengths.push(tokens.length);
      for (const [token, frequency] of count(tokens)) {
        let term = this.#terms.get(token);
        if (term === undefined) {
          term = postings.length;
          this.#terms.set(token, term);
          postings.push({ docs: [], frequencies: [] });
        }
        postings[term]?.docs.push(doc);
        postings[term]?.frequencies.push(frequency);
      }
    }

    const total = postings.reduce((sum, posting) => sum + posting.docs.length, 0);
    this.#offsets = new Uint32Array(postings.length + 1);
    this.#docs = new Uint32Array(total);
    this.#frequencies = new Uint32Array(total);
    let offset = 0;
    for (const [term, posting] of postings.entries()) {
      this.#docs.set(posting.docs, offset);
      this.#frequencies.set(posting.frequencies, offset);
      offset += posting.docs.length;
      this.#offsets[term + 1] = offset;
    }
    const average = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    this.#norms = Float64Array.from(
      lengths,
      (length) => k1 * (1 - b + b * (average > 0 ? length / average : 0)),
    );
  }

  /** Number of documents. */
  get size(): number {
    return this.#norms.length;
  }

  /** The score of every document; 0 where no term of the query occurs. */
  scores(query: readonly string[]): Float64Array {
    const scores = new Float64Array(this.size);
    for (const [token, times] of count(query)) {
      const term = this.#terms.get(token);
      if (term === undefined) continue;
      const from = this.#offsets[term] as number;
      const to = this.#offsets[term + 1] as number;
      const df = to - from;
      const weight = times * Math.log(1 + (this.size - df + 0.5) / (df + 0.5));
      for (let i = from; i < to; i++) {
        const doc = this.#docs[i] as number;
        const tf = this.#frequencies[i] as number;
        scores[doc] = (scores[doc] as number) + (weight * tf) / (tf + (this.#norms[doc] as number));
      }
    }
    return scores;
  }

  /** The k best documents that share a term with the query, best first. */
  search(query: readonly string[], k: number): Hit[] {
    if (!Number.isSafeInteger(k) || k < 1)
      throw new ArgumentError(`Expected a positive integer for k but received ${k}`);
    return topK(this.scores(query), k, 0);
  }
}

function count(tokens: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  return counts;
}
