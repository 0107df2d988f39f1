/** The order of a ranking: trec_eval's, which follows from scores and identifiers and never from ranks in a file. */
import { ArgumentError, expected } from '../../errors.ts';
import type { ScoredDocument } from '../types.ts';

/** What a ranker returned for a topic: scores by document, or scored documents in any order. */
export type Scores = ReadonlyMap<string, number> | Iterable<ScoredDocument>;

/**
 * The documents of a topic, best first: by score, and where scores are equal by identifier, descending.
 *
 * @param float32 scores that are the same as 32-bit floats are equal, as in trec_eval 9 and pytrec_eval; default false
 * @throws ArgumentError for a score that is not a number, and for a document that is there twice
 */
export function ranked(topic: string, scores: Scores, float32 = false): string[] {
  const ids: string[] = [];
  const values: number[] = [];
  for (const [id, score] of entries(topic, scores)) {
    if (typeof score !== 'number' || Number.isNaN(score))
      throw expected('a number', `score of document ${id} of topic ${topic}`, score);
    ids.push(id);
    values.push(float32 ? Math.fround(score) : score);
  }
  const before = (a: number, b: number): number =>
    (values[b] as number) - (values[a] as number) || compareIds(ids[b] as string, ids[a] as string);
  if (isSorted(ids.length, before)) return ids;
  return Array.from(ids.keys())
    .sort(before)
    .map((i) => ids[i] as string);
}

function entries(topic: string, scores: Scores): Iterable<readonly [string, number]> {
  if (isMap(scores)) return scores;
  const byId = new Map<string, number>();
  for (const { id, score } of scores) {
    if (byId.has(id)) throw new ArgumentError(`Document ${id} is there twice for topic ${topic}`);
    byId.set(id, score);
  }
  return byId;
}

function isMap(scores: Scores): scores is ReadonlyMap<string, number> {
  return 'get' in scores;
}

/** Runs are mostly sorted already: then nothing is. */
function isSorted(length: number, before: (a: number, b: number) => number): boolean {
  for (let i = 1; i < length; i++) if (!(before(i - 1, i) < 0)) return false;
  return true;
}

/** The order of C's `strcmp` over UTF-8: code points, where JavaScript's own order is of UTF-16 units. */
export function compareIds(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return afterSurrogates(x) - afterSurrogates(y);
  }
  return a.length - b.length;
}

/** Units of a pair stand for code points beyond all that one unit can say. */
function afterSurrogates(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
