/** Runs into the postings of an index. */
import { ArgumentError } from '../../errors.ts';
import { grown } from './grown.ts';
import { CHUNK_BITS, LARGE, type PostingTables } from './postings.ts';
import type { RunReader } from './runs.ts';

/** Some postings, in order: good until the next ones are asked for. */
export interface PostingPiece {
  readonly lows: Uint16Array;
  readonly frequencies: Uint8Array;
}

/** Postings in a piece. */
const PIECE = 2 ** 16;

/**
 * Merges runs, of which each has later documents than the one before.
 *
 * @param terms how many there are in all
 * @returns the tables, after all pieces
 */
export function* merge(runs: readonly RunReader[], terms: number): Generator<PostingPiece, PostingTables> {
  const lows = new Uint16Array(PIECE);
  const frequencies = new Uint8Array(PIECE);
  const tables = new Tables(terms);
  let filled = 0;
  for (let term = 0; term < terms; term++) {
    tables.begin(term);
    for (const run of runs) {
      if (run.term !== term) continue;
      for (let left = run.next() as number; left > 0; left--) {
        const document = run.next() as number;
        const frequency = run.next() as number;
        tables.add(term, document, frequency);
        lows[filled] = document;
        frequencies[filled] = Math.min(frequency, LARGE);
        if (++filled === PIECE) {
          yield { lows, frequencies };
          filled = 0;
        }
      }
      run.advance();
    }
  }
  if (filled > 0) yield { lows: lows.subarray(0, filled), frequencies: frequencies.subarray(0, filled) };
  return tables.end();
}

class Tables {
  readonly #termChunks: Uint32Array;
  readonly #collectionFrequencies: Float64Array;
  #chunkIds = new Uint16Array(0);
  #chunkStarts = new Uint32Array(0);
  #chunks = 0;
  /** High bits of the documents of the chunk at hand. */
  #high = -1;
  #postings = 0;
  readonly #largePostings: number[] = [];
  readonly #largeFrequencies: number[] = [];

  constructor(terms: number) {
    this.#termChunks = new Uint32Array(terms + 1);
    this.#collectionFrequencies = new Float64Array(terms);
  }

  begin(term: number): void {
    this.#termChunks[term] = this.#chunks;
    this.#high = -1;
  }

  add(term: number, document: number, frequency: number): void {
    const high = document >>> CHUNK_BITS;
    if (high !== this.#high) {
      this.#high = high;
      const chunk = this.#chunks++;
      this.#chunkIds = grown(this.#chunkIds, chunk + 1);
      this.#chunkStarts = grown(this.#chunkStarts, chunk + 1);
      this.#chunkIds[chunk] = high;
      this.#chunkStarts[chunk] = this.#postings;
    }
    this.#collectionFrequencies[term] = (this.#collectionFrequencies[term] as number) + frequency;
    if (frequency >= LARGE) {
      this.#largePostings.push(this.#postings);
      this.#largeFrequencies.push(frequency);
    }
    if (++this.#postings > 0xffffffff)
      throw new ArgumentError('Expected at most 4294967295 postings; split the collection');
  }

  end(): PostingTables {
    this.#termChunks[this.#termChunks.length - 1] = this.#chunks;
    const chunkStarts = grown(this.#chunkStarts, this.#chunks + 1);
    chunkStarts[this.#chunks] = this.#postings;
    return {
      termChunks: this.#termChunks,
      chunkIds: this.#chunkIds.slice(0, this.#chunks),
      chunkStarts: chunkStarts.slice(0, this.#chunks + 1),
      largePostings: Uint32Array.from(this.#largePostings),
      largeFrequencies: Uint32Array.from(this.#largeFrequencies),
      collectionFrequencies: this.#collectionFrequencies,
    };
  }
}
