/**
 * One run of several.
 */
import { ArgumentError, expected } from '../../errors.ts';
import { checkOptions } from '../../options.ts';
import type { Run } from '../types.ts';
import { inOrder } from './order.ts';

type Scores = ReadonlyMap<string, number>;
type ScoreOf = (id: string) => number;

export interface InterpolateOptions {
  /** `min-max` takes the scores of each topic to [0, 1] first, the default; `none` leaves them. */
  readonly normalization?: 'min-max' | 'none';
}

/**
 * weight · a + (1 − weight) · b, topic by topic. A document that one of them lacks has the lowest score of the topic there.
 *
 * @param weight from 0 to 1
 */
export function interpolate(a: Run, b: Run, weight: number, options: InterpolateOptions = {}): Run {
  const { normalization = 'min-max' } = checkOptions('interpolate', options, ['normalization']);
  if (!(weight >= 0 && weight <= 1)) throw expected('a number from 0 to 1', 'weight', weight);
  if (normalization !== 'min-max' && normalization !== 'none')
    throw expected('min-max or none', 'normalization', normalization);
  return fused([a, b], (topic, runs) => {
    const [first, second] = runs.map((scores) => normalized(topic, scores, normalization === 'min-max'));
    return (id) => weight * first!(id) + (1 - weight) * second!(id);
  });
}

/**
 * Σ 1 / (k + rank), over the runs that have the document; G. Cormack, C. Clarke and S. Büttcher, "Reciprocal Rank Fusion
 * outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009.
 *
 * @param k 60 in the paper and by default
 */
export function reciprocalRankFusion(runs: readonly Run[], k = 60): Run {
  if (runs.length === 0) throw new ArgumentError('Expected at least one run to fuse but received none');
  if (!(k >= 0 && Number.isFinite(k))) throw expected('a number of at least 0', 'k', k);
  return fused(runs, (topic, scores) => {
    const ranks = scores.map((each) => {
      const documents = inOrder(
        topic,
        Array.from(each, ([id, score]) => ({ id, score })),
      );
      return new Map(documents.map(({ id }, i) => [id, i + 1]));
    });
    return (id) => ranks.reduce((sum, rank) => sum + (rank.has(id) ? 1 / (k + rank.get(id)!) : 0), 0);
  });
}

const NO_SCORES: Scores = new Map();

/** A run over the topics and documents of all. @param scoring makes the function that scores the documents of a topic */
function fused(runs: readonly Run[], scoring: (topic: string, scores: readonly Scores[]) => ScoreOf): Run {
  const topics = new Set(runs.flatMap((run) => [...run.keys()]));
  const result = new Map<string, Scores>();
  for (const topic of topics) {
    const scores = runs.map((run) => run.get(topic) ?? NO_SCORES);
    const score = scoring(topic, scores);
    const ids = new Set(scores.flatMap((each) => [...each.keys()]));
    result.set(topic, new Map(Array.from(ids, (id) => [id, score(id)])));
  }
  return result;
}

/** Where all scores are the same, they become 1: their documents were found. */
function normalized(topic: string, scores: Scores, toUnit: boolean): ScoreOf {
  let [lowest, highest] = [Infinity, -Infinity];
  for (const [id, score] of scores) {
    if (!Number.isFinite(score))
      throw expected('a finite number', `the score of document ${id} for topic ${topic}`, score);
    lowest = Math.min(lowest, score);
    highest = Math.max(highest, score);
  }
  const missing = toUnit || scores.size === 0 ? 0 : lowest;
  const range = highest - lowest;
  return (id) => {
    const score = scores.get(id);
    if (score === undefined) return missing;
    if (!toUnit) return score;
    return range === 0 ? 1 : (score - lowest) / range;
  };
}
