/**
 * The k best documents, without scoring all (MaxScore: H. Turtle and J. Flood, 1995; by windows as in Lucene).
 *
 * A document's score is the sum over its terms in one order, the most valuable first, whichever way it was come by: so the
 * results, ties included, are those of scoring everything.
 */
import { BestHits, type Hit } from '../bestHits.ts';
import { frequencyOf, type PostingArrays } from './postings.ts';
import { type TermWindows, WINDOW_BITS } from './windows.ts';

const WINDOW = 2 ** WINDOW_BITS;
const MASK = WINDOW - 1;

/** A term of a query. */
export interface QueryTerm {
  /** How often the query has it. */
  readonly times: number;
  readonly windows: TermWindows;
  /** What it adds, once. */
  readonly worth: (frequency: number, length: number) => number;
}

export interface Query {
  /** Most valuable first. */
  readonly terms: readonly QueryTerm[];
  /** What a document gets beside; falls with its length. */
  readonly document: (length: number) => number;
}

/** What is searched. */
export interface Searched {
  readonly postings: PostingArrays;
  /** Terms of each document `[N]`. */
  readonly lengths: Uint32Array;
  /** Of the shortest document in each window `[W]`. */
  readonly shortest: Uint32Array;
}

/** Documents that have a term of the query, best first. */
export function maxScore(
  searched: Searched,
  query: Query,
  k: number,
  orderTies: (a: number, b: number) => number,
): Hit[] {
  const best = new BestHits(k, orderTies);
  const { terms } = query;
  const bounds = restsByWindow(searched, query);
  // Bounds are added up in another order than scores, so they may be too small by some last bits.
  const slack = 1e-9 * (1 + terms.reduce((sum, { times, windows }) => sum + times * windows.bound, 0));
  const scored = new Window(searched, query);
  for (const { window, rests } of bounds) {
    const floor = best.floor - slack;
    if ((rests[0] as number) < floor) break;
    let essential = terms.length;
    while ((rests[essential - 1] as number) < floor) essential--;
    scored.score(window, essential, rests, floor, best);
  }
  return best.sorted();
}

/** What documents of a window can get. */
interface WindowBounds {
  readonly window: number;
  /** The most from the i-th term on, what a document gets beside included `[T + 1]`. */
  readonly rests: Float64Array;
}

/** The most promising window first, as a high floor spares work in all that follow. */
function restsByWindow({ lengths, shortest }: Searched, { terms, document }: Query): WindowBounds[] {
  const found: WindowBounds[] = [];
  for (let window = 0; window * WINDOW < lengths.length; window++) {
    if (!terms.some(({ windows }) => isIn(windows, window))) continue;
    const rests = new Float64Array(terms.length + 1);
    rests[terms.length] = document(shortest[window] as number);
    for (let i = terms.length - 1; i >= 0; i--) {
      const { times, windows } = terms[i] as QueryTerm;
      rests[i] = (rests[i + 1] as number) + times * (windows.bounds[window] as number);
    }
    found.push({ window, rests });
  }
  return found.sort((a, b) => (b.rests[0] as number) - (a.rests[0] as number));
}

function isIn({ starts }: TermWindows, window: number): boolean {
  return (starts[window + 1] as number) > (starts[window] as number);
}

/** Scores the documents of a window at a time. */
class Window {
  readonly #searched: Searched;
  readonly #query: Query;
  readonly #scores = new Float64Array(WINDOW);
  readonly #isCandidate = new Uint8Array(WINDOW);
  /** Low bits of documents. */
  readonly #candidates = new Uint16Array(WINDOW);
  #count = 0;

  constructor(searched: Searched, query: Query) {
    this.#searched = searched;
    this.#query = query;
  }

  /**
   * Offers what may be among the best.
   *
   * @param essential how many terms a candidate must have one of; the others cannot lift a document above the floor
   */
  score(window: number, essential: number, rests: Float64Array, floor: number, best: BestHits): void {
    const { terms, document } = this.#query;
    const { lengths } = this.#searched;
    for (let i = 0; i < terms.length; i++) {
      const term = terms[i] as QueryTerm;
      if (i < essential) this.#add(window, term);
      else {
        this.#keepAbove(floor - (rests[i] as number));
        this.#complete(window, term);
      }
    }
    const base = window * WINDOW;
    for (let c = 0; c < this.#count; c++) {
      const low = this.#candidates[c] as number;
      const score = (this.#scores[low] as number) + document(lengths[base + low] as number);
      if (score >= best.floor) best.offer(base + low, score);
      this.#isCandidate[low] = 0;
      this.#scores[low] = 0;
    }
    this.#count = 0;
  }

  /** Adds a term to all documents that have it. */
  #add(window: number, { times, windows, worth }: QueryTerm): void {
    const { postings, lengths } = this.#searched;
    const base = window * WINDOW;
    const end = windows.starts[window + 1] as number;
    for (let posting = windows.starts[window] as number; posting < end; posting++) {
      const low = (postings.lows[posting] as number) & MASK;
      if (this.#isCandidate[low] === 0) {
        this.#isCandidate[low] = 1;
        this.#candidates[this.#count++] = low;
      }
      const value = times * worth(frequencyOf(postings, posting), lengths[base + low] as number);
      this.#scores[low] = (this.#scores[low] as number) + value;
    }
  }

  /** Drops candidates of less. */
  #keepAbove(least: number): void {
    let kept = 0;
    for (let c = 0; c < this.#count; c++) {
      const low = this.#candidates[c] as number;
      if ((this.#scores[low] as number) >= least) this.#candidates[kept++] = low;
      else {
        this.#isCandidate[low] = 0;
        this.#scores[low] = 0;
      }
    }
    this.#count = kept;
  }

  /** Adds a term to the candidates that have it. */
  #complete(window: number, term: QueryTerm): void {
    const { postings, lengths } = this.#searched;
    const { times, windows, worth } = term;
    const from = windows.starts[window] as number;
    const end = windows.starts[window + 1] as number;
    const base = window * WINDOW;
    for (let c = 0; c < this.#count; c++) {
      const low = this.#candidates[c] as number;
      const posting = lowerBound(postings.lows, from, end, low);
      if (posting === end || ((postings.lows[posting] as number) & MASK) !== low) continue;
      const value = times * worth(frequencyOf(postings, posting), lengths[base + low] as number);
      this.#scores[low] = (this.#scores[low] as number) + value;
    }
  }
}

/** First posting of a window whose document is not before `low`. */
function lowerBound(lows: Uint16Array, from: number, end: number, low: number): number {
  let [left, right] = [from, end];
  while (left < right) {
    const middle = left + ((right - left) >>> 1);
    if (((lows[middle] as number) & MASK) < low) left = middle + 1;
    else right = middle;
  }
  return left;
}

/** The score of every document `[N]`; for one without a term of the query, what it gets beside. */
export function scoreAll({ postings, lengths }: Searched, { terms, document }: Query): Float64Array {
  const scores = new Float64Array(lengths.length);
  for (const { times, windows, worth } of terms) {
    const { starts } = windows;
    for (let window = 0; window + 1 < starts.length; window++) {
      const base = window * WINDOW;
      const end = starts[window + 1] as number;
      for (let posting = starts[window] as number; posting < end; posting++) {
        const at = base + ((postings.lows[posting] as number) & MASK);
        const value = times * worth(frequencyOf(postings, posting), lengths[at] as number);
        scores[at] = (scores[at] as number) + value;
      }
    }
  }
  for (let at = 0; at < scores.length; at++)
    scores[at] = (scores[at] as number) + document(lengths[at] as number);
  return scores;
}
