/** Where in the collection a term is worth how much: what lets a search pass by most of it. */
import { CHUNK_BITS, frequencyOf, type PostingArrays } from './postings.ts';

/** Documents of a window, as a power of two: their scores fit the fastest cache. */
export const WINDOW_BITS = 12;

/** A term's postings by windows. */
export interface TermWindows {
  /** First posting of each window, and where the last one ends `[W + 1]`. */
  readonly starts: Uint32Array;
  /** The most that the term adds to a document of the window; 0 where it is in none `[W]`. */
  readonly bounds: Float64Array;
  /** The most of all, at least 0. */
  readonly bound: number;
}

/** Goes through all postings of a term once. */
export function windowsOf(
  arrays: PostingArrays,
  lengths: Uint32Array,
  term: number,
  worth: (frequency: number, length: number) => number,
): TermWindows {
  const { termChunks, chunkIds, chunkStarts, lows } = arrays;
  const windows = Math.ceil(lengths.length / 2 ** WINDOW_BITS);
  const starts = new Uint32Array(windows + 1);
  // A term may take something away from a document, and not having it takes nothing.
  const bounds = new Float64Array(windows);
  let bound = 0;
  let window = -1;
  const lastChunk = termChunks[term + 1] as number;
  for (let chunk = termChunks[term] as number; chunk < lastChunk; chunk++) {
    const base = (chunkIds[chunk] as number) * 2 ** CHUNK_BITS;
    const end = chunkStarts[chunk + 1] as number;
    for (let posting = chunkStarts[chunk] as number; posting < end; posting++) {
      const document = base + (lows[posting] as number);
      const at = document >>> WINDOW_BITS;
      while (window < at) starts[++window] = posting;
      const value = worth(frequencyOf(arrays, posting), lengths[document] as number);
      if (value > (bounds[at] as number)) bounds[at] = value;
      if (value > bound) bound = value;
    }
  }
  const end = chunkStarts[lastChunk] as number;
  while (window < windows) starts[++window] = end;
  return { starts, bounds, bound };
}

/** Windows of terms that were searched for lately, within some memory. */
export class WindowCache {
  readonly #most: number;
  readonly #kept = new Map<string, TermWindows>();
  #bytes = 0;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  get(key: string, make: () => TermWindows): TermWindows {
    const found = this.#kept.get(key);
    if (found !== undefined) {
      // Last in the order of the map is what was used last.
      this.#kept.delete(key);
      this.#kept.set(key, found);
      return found;
    }
    const made = make();
    this.#bytes += bytesOf(made);
    this.#kept.set(key, made);
    for (const [oldest, windows] of this.#kept) {
      if (this.#bytes <= this.#most || oldest === key) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytesOf(windows);
    }
    return made;
  }
}

function bytesOf({ starts, bounds }: TermWindows): number {
  return starts.byteLength + bounds.byteLength;
}
