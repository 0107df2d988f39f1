/** Measures of documents that are more or less relevant. Sums go in the order of trec_eval's. */
import { expected } from '../../errors.ts';
import { ratio } from './binary.ts';
import type { JudgedRanking } from './judgedRanking.ts';

/** What a document of a grade is worth. */
export type Gain = (grade: number) => number;

/** The grade itself; nothing where there is none. */
export const gradeAsGain: Gain = (grade) => Math.max(grade, 0);

/** 2^grade − 1 (Burges et al. 2005). */
export const exponentialGain: Gain = (grade) => 2 ** Math.max(grade, 0) - 1;

/** Gains of some grades; others are their own gain. */
export function gainsOf(gains: ReadonlyMap<number, number>): Gain {
  return (grade) => gains.get(grade) ?? gradeAsGain(grade);
}

const LOG2 = Array.from({ length: 4096 }, (_, i) => Math.log2(i));

/** The discount of rank r is the logarithm of r + 1. */
function discount(above: number): number {
  return LOG2[above + 2] ?? Math.log2(above + 2);
}

/** The positive gains of all judged documents, highest first: what the best ranking collects. */
export function idealGains(ranking: JudgedRanking, gain: Gain): number[] {
  return [...ranking.judged]
    .map(([grade, documents]) => ({ gain: gain(grade), documents }))
    .filter((level) => level.gain > 0)
    .sort((a, b) => b.gain - a.gain)
    .flatMap((level) => new Array<number>(level.documents).fill(level.gain));
}

/** Discounted cumulative gain over that of the best ranking (Järvelin and Kekäläinen 2002). */
export function ndcg(ranking: JudgedRanking, gain: Gain, cutoff = Infinity): number {
  return ratio(
    dcg(ranking.grades, gain, cutoff),
    dcg(idealGains(ranking, gain), (each) => each, cutoff),
  );
}

export function dcg(grades: ArrayLike<number>, gain: Gain, cutoff: number): number {
  let sum = 0;
  for (let i = 0; i < Math.min(grades.length, cutoff); i++) {
    const value = gain(grades[i] as number);
    if (value !== 0) sum += value / discount(i);
  }
  return sum;
}

/** One step down a ranking and the best ranking of the same topic. */
interface Step {
  /** Number of documents above. */
  readonly above: number;
  /** Gain here; undefined beyond the last retrieved document. */
  readonly gain: number | undefined;
  /** Gain of the best ranking here, 0 beyond its end. */
  readonly ideal: number;
}

function* steps(ranking: JudgedRanking, gain: Gain, ideal: readonly number[]): Generator<Step> {
  const length = Math.max(ranking.size, ideal.length + 1);
  for (let above = 0; above < length; above++) {
    const grade = ranking.grades[above];
    yield { above, gain: grade === undefined ? undefined : gain(grade), ideal: ideal[above] ?? 0 };
  }
}

/** nDCG averaged over the documents with a gain; one that is not retrieved counts with the nDCG at the end. */
export function ndcgAtRelevant(ranking: JudgedRanking, gain: Gain): number {
  const ideal = idealGains(ranking, gain);
  let [collected, best, sum, found] = [0, 0, 0, 0];
  for (const step of steps(ranking, gain, ideal)) {
    const { above, gain: here = 0 } = step;
    collected += here / discount(above);
    best += step.ideal / discount(above);
    if (here > 0) {
      sum += collected / best;
      found++;
    }
  }
  sum += ratio((ideal.length - found) * collected, best);
  return sum > 0 ? sum / ideal.length : 0;
}

/** nDCG averaged over the ranks at which the gain of the best ranking falls, and the last rank where it lies beyond them. */
export function ndcgAtLevels(ranking: JudgedRanking, gain: Gain, level: number): number {
  const ideal = idealGains(ranking, gain);
  if (ranking.relevant(level) === 0 || ideal.length === 0) return 0;
  let [collected, best, sum, levels] = [0, 0, 0, 0];
  let previous = ideal[0] as number;
  for (const step of steps(ranking, gain, ideal)) {
    if (step.ideal !== previous) {
      sum += collected / best;
      levels++;
      previous = step.ideal;
    }
    collected += (step.gain ?? 0) / discount(step.above);
    best += step.ideal / discount(step.above);
  }
  if (ranking.size > ideal.length + 1) {
    sum += collected / best;
    levels++;
  }
  return sum / levels;
}

/** Gain that is discounted by how much better the best ranking did until there, not by rank (Buckley's G). */
export function normalizedGain(ranking: JudgedRanking, gain: Gain): number {
  const ideal = idealGains(ranking, gain);
  let [collected, cost, sum, best] = [0, 0, 0, 0];
  for (const step of steps(ranking, gain, ideal)) {
    const { gain: here = 0 } = step;
    collected += here;
    cost += Math.max(step.ideal, 1);
    best += step.ideal;
    if (here !== 0) sum += here / Math.log2(2 + cost - collected);
  }
  return ratio(sum, best);
}

/** The mean over relevant documents of 1 / log2(2 + the number of others above it). */
export function binaryGain(ranking: JudgedRanking, level: number): number {
  let sum = 0;
  let found = 0;
  for (const rank of ranking.ranks(level)) sum += 1 / Math.log2(2 + rank - ++found);
  return ratio(sum, ranking.relevant(level));
}

/** Rank-biased precision (Moffat and Zobel 2008): (1 − p) Σ gain · p^(rank − 1), of gains from 0 to 1. */
export function rankBiasedPrecision(
  ranking: JudgedRanking,
  gain: Gain,
  p: number,
  cutoff = Infinity,
): number {
  let sum = 0;
  let weight = 1;
  for (const grade of ranking.grades.subarray(0, cutoff)) {
    sum += gain(grade) * weight;
    weight *= p;
  }
  return (1 - p) * sum;
}

/** Gains as shares: of the way from the lowest to the highest of the topic's, where they do not lie from 0 to 1 already. */
export function unitGains(ranking: JudgedRanking, gain: Gain): Gain {
  const gains = [...ranking.judged.keys()].map(gain);
  const [low, high] = [Math.min(0, ...gains), Math.max(0, ...gains)];
  if (low >= 0 && high <= 1) return gain;
  return (grade) => (grade < 0 ? 0 : (gain(grade) - low) / (high - low));
}

/** How much higher rank-biased precision could be if all documents without a judgement had the highest gain. */
export function rankBiasedResidual(ranking: JudgedRanking, p: number): number {
  let [sum, weight] = [0, 1];
  for (const grade of ranking.grades) {
    if (grade < 0) sum += weight;
    weight *= p;
  }
  return sum === 0 ? 0 : weight + (1 - p) * sum;
}

/** Grades above this are refused by gdeval, whose ERR this is. */
const HIGHEST_GRADE = 4;

/**
 * Expected reciprocal rank (Chapelle et al. 2009): a document of grade g satisfies with probability (2^g − 1) / 2^4.
 *
 * @throws ArgumentError for grades above 4
 */
export function expectedReciprocalRank(ranking: JudgedRanking, cutoff = Infinity): number {
  const highest = Math.max(0, ...ranking.judged.keys());
  if (highest > HIGHEST_GRADE)
    throw expected(`at most ${HIGHEST_GRADE}`, 'grade of a document for ERR', highest);
  let [sum, going] = [0, 1];
  for (const [above, grade] of ranking.grades.subarray(0, cutoff).entries()) {
    const satisfied = exponentialGain(grade) / 2 ** HIGHEST_GRADE;
    sum += (satisfied * going) / (above + 1);
    going *= 1 - satisfied;
  }
  return sum;
}
