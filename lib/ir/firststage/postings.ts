/**
 * Who has which term how often: postings in the order of terms, and of documents in each.
 *
 * A document's number is cut in two: its low 16 bits stand with the posting, and postings with the same high bits are a
 * chunk. So a posting takes three bytes, and is read without being decoded.
 */

export const CHUNK_BITS = 16;
/** How a frequency that does not fit a byte is written: it is looked up. */
export const LARGE = 255;

/** All but the postings themselves; small enough to be held while an index is written. */
export interface PostingTables {
  /** First chunk of each term, and their number `[T + 1]`. */
  readonly termChunks: Uint32Array;
  /** High bits of a chunk's documents `[C]`. */
  readonly chunkIds: Uint16Array;
  /** First posting of each chunk, and their number `[C + 1]`. */
  readonly chunkStarts: Uint32Array;
  /** Postings with a frequency of at least 255, ascending `[L]`. */
  readonly largePostings: Uint32Array;
  /** Their frequencies `[L]`. */
  readonly largeFrequencies: Uint32Array;
  /** How often each term occurs in all documents together `[T]`. */
  readonly collectionFrequencies: Float64Array;
}

export interface PostingArrays extends PostingTables {
  /** Low bits of the document of each posting `[P]`. */
  readonly lows: Uint16Array;
  /** How often it has the term `[P]`. */
  readonly frequencies: Uint8Array;
}

/** In how many documents a term is. */
export function documentFrequency({ termChunks, chunkStarts }: PostingTables, term: number): number {
  const from = chunkStarts[termChunks[term] as number] as number;
  return (chunkStarts[termChunks[term + 1] as number] as number) - from;
}

/** The frequency of a posting. */
export function frequencyOf(arrays: PostingArrays, posting: number): number {
  const frequency = arrays.frequencies[posting] as number;
  return frequency < LARGE ? frequency : largeFrequency(arrays, posting);
}

function largeFrequency({ largePostings, largeFrequencies }: PostingTables, posting: number): number {
  let low = 0;
  let high = largePostings.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((largePostings[middle] as number) < posting) low = middle + 1;
    else high = middle;
  }
  return largeFrequencies[low] as number;
}
