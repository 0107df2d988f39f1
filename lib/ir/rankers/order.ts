/**
 * The order of a ranking.
 */
import { expected } from '../../errors.ts';
import { compareIds } from '../measures/ranking.ts';
import type { ScoredDocument } from '../types.ts';

/** Highest score first; equal scores by identifier, descending, as in trec_eval. */
export function byRank(a: ScoredDocument, b: ScoredDocument): number {
  return b.score - a.score || compareIds(b.id, a.id);
}

/**
 * Documents in the order of their scores.
 *
 * @param topic its identifier, for the message
 * @throws ArgumentError for a score that is NaN, which has no place in an order
 */
export function inOrder(topic: string, documents: Iterable<ScoredDocument>): ScoredDocument[] {
  const all = [...documents];
  const wrong = all.find(({ score }) => typeof score !== 'number' || Number.isNaN(score));
  if (wrong !== undefined)
    throw expected('a number', `the score of document ${wrong.id} for topic ${topic}`, wrong.score);
  return all.sort(byRank);
}
