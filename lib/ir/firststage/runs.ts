/**
 * Postings on their way into an index: gathered in the order of documents, sorted by term when a buffer is full, and
 * merged at the end. What is sorted is a run of 32-bit words: term, how many, and a document and a frequency for each.
 */
import { grown } from './grown.ts';

/** How many postings are moved before others may have their turn. */
const AT_ONCE = 2 ** 17;

/** Gathers postings of some documents. */
export class PostingBuffer {
  #terms = new Uint32Array(0);
  #documents = new Uint32Array(0);
  #frequencies = new Uint32Array(0);
  #length = 0;
  /** For each term the posting that it had last. */
  #last = new Uint32Array(0);

  get length(): number {
    return this.#length;
  }

  /** Notes an occurrence; documents come in ascending order. */
  add(term: number, document: number): void {
    if (term >= this.#last.length) this.#last = grown(this.#last, term + 1);
    const last = this.#last[term] as number;
    if (last < this.#length && this.#terms[last] === term && this.#documents[last] === document) {
      this.#frequencies[last] = (this.#frequencies[last] as number) + 1;
      return;
    }
    const posting = this.#length++;
    if (posting >= this.#terms.length) {
      this.#terms = grown(this.#terms, posting + 1);
      this.#documents = grown(this.#documents, posting + 1);
      this.#frequencies = grown(this.#frequencies, posting + 1);
    }
    this.#last[term] = posting;
    this.#terms[posting] = term;
    this.#documents[posting] = document;
    this.#frequencies[posting] = 1;
  }

  /** Sorts what was gathered, and begins anew. @returns the run, after turns for others */
  *drain(terms: number): Generator<void, Uint32Array> {
    const counts = new Uint32Array(terms);
    for (let i = 0; i < this.#length; i++) {
      const term = this.#terms[i] as number;
      counts[term] = (counts[term] as number) + 1;
    }
    const distinct = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
    const run = new Uint32Array(2 * (distinct + this.#length));
    let at = 0;
    for (let term = 0; term < terms; term++) {
      const count = counts[term] as number;
      if (count === 0) continue;
      run[at++] = term;
      run[at++] = count;
      counts[term] = at;
      at += 2 * count;
    }
    for (let i = 0; i < this.#length; i++) {
      const term = this.#terms[i] as number;
      const place = counts[term] as number;
      run[place] = this.#documents[i] as number;
      run[place + 1] = this.#frequencies[i] as number;
      counts[term] = place + 2;
      if (i % AT_ONCE === 0) yield;
    }
    this.#length = 0;
    return run;
  }
}

/** Reads the words of a run. */
export class RunReader {
  readonly #refill: () => Uint32Array;
  #words: Uint32Array = new Uint32Array(0);
  #at = 0;
  /** Term whose postings come next; Infinity at the end. */
  term = Number.POSITIVE_INFINITY;

  /** @param refill the next words, each time it is called, and none at the end */
  constructor(refill: () => Uint32Array) {
    this.#refill = refill;
    this.advance();
  }

  /** Goes to the next term. */
  advance(): void {
    this.term = this.next() ?? Number.POSITIVE_INFINITY;
  }

  next(): number | undefined {
    if (this.#at >= this.#words.length) {
      this.#words = this.#refill();
      this.#at = 0;
    }
    return this.#words[this.#at++];
  }
}
