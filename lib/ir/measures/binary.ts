/**
 * Measures of documents that are relevant or not. Each takes the lowest grade that is relevant.
 *
 * Sums go in the order of trec_eval's, so that they are the same to the last digit.
 */
import { type JudgedRanking, NOT_IN_POOL } from './judgedRanking.ts';

/** A quotient, and 0 where nothing is divided: a topic without relevant or retrieved documents scores 0. */
export function ratio(part: number, whole: number): number {
  return part === 0 ? 0 : part / whole;
}

export function precision(ranking: JudgedRanking, level: number, cutoff: number): number {
  return ratio(ranking.retrieved(level, cutoff), cutoff);
}

export function recall(ranking: JudgedRanking, level: number, cutoff?: number): number {
  return ratio(ranking.retrieved(level, cutoff), ranking.relevant(level));
}

export function success(ranking: JudgedRanking, level: number, cutoff: number): number {
  return ranking.retrieved(level, cutoff) > 0 ? 1 : 0;
}

/** Precision as a share of the best that the cutoff allows: recall, once the cutoff is beyond all that is relevant. */
export function relativePrecision(ranking: JudgedRanking, level: number, cutoff: number): number {
  return ratio(ranking.retrieved(level, cutoff), Math.min(cutoff, ranking.relevant(level)));
}

export function reciprocalRank(ranking: JudgedRanking, level: number, cutoff = Infinity): number {
  const [first = Infinity] = ranking.ranks(level);
  return first <= cutoff ? 1 / first : 0;
}

/** The sum, over relevant documents within the cutoff, of the precision at each. */
export function sumOfPrecisions(ranking: JudgedRanking, level: number, cutoff = Infinity): number {
  let sum = 0;
  let found = 0;
  for (const rank of ranking.ranks(level)) {
    if (rank > cutoff) break;
    sum += ++found / rank;
  }
  return sum;
}

export function averagePrecision(ranking: JudgedRanking, level: number, cutoff?: number): number {
  return ratio(sumOfPrecisions(ranking, level, cutoff), ranking.relevant(level));
}

/** Precision after as many documents as are relevant. */
export function rPrecision(ranking: JudgedRanking, level: number): number {
  return precision(ranking, level, ranking.relevant(level));
}

/** Precision after a multiple of as many documents as are relevant; the multiple is cut to an integer after 0.9 is added. */
export function multipleOfRPrecision(ranking: JudgedRanking, level: number, multiple: number): number {
  return precision(ranking, level, Math.trunc(multiple * ranking.relevant(level) + 0.9));
}

/**
 * The best precision at or after a share of the relevant documents.
 *
 * How many documents a share is, is rounded to the nearest, as in trec_eval 10; 9.0.8 added 0.9 and cut.
 */
export function interpolatedPrecision(ranking: JudgedRanking, level: number, share: number): number {
  const ranks = ranking.ranks(level);
  const wanted = Math.max(Math.round(share * ranking.relevant(level)), 1);
  let best = 0;
  for (let found = ranks.length; found >= wanted; found--)
    best = Math.max(best, found / (ranks[found - 1] as number));
  return best;
}

/** The share of pairs of a relevant and a judged, not relevant document that the ranking has in order (Buckley and Voorhees 2004). */
export function binaryPreference(ranking: JudgedRanking, level: number): number {
  const relevant = ranking.relevant(level);
  const most = Math.min(ranking.nonRelevant(level), relevant);
  let sum = 0;
  let nonRelevant = 0;
  for (const grade of ranking.grades) {
    if (grade < 0) continue;
    if (grade < level) nonRelevant++;
    else sum += nonRelevant === 0 ? 1 : 1 - Math.min(nonRelevant, relevant) / most;
  }
  return ratio(sum, relevant);
}

const EPSILON = 0.00001;

/** Average precision where only some of the pool was judged (Yilmaz and Aslam 2006); negative grades are in the pool and not judged. */
export function inferredAveragePrecision(ranking: JudgedRanking, level: number): number {
  let [sum, relevant, nonRelevant, notJudged] = [0, 0, 0, 0];
  for (const [above, grade] of ranking.grades.entries()) {
    if (grade === NOT_IN_POOL) continue;
    if (grade < 0) notJudged++;
    else if (grade < level) nonRelevant++;
    else {
      const judged = relevant + nonRelevant;
      const rank = above + 1;
      sum +=
        above === 0
          ? 1
          : 1 / rank +
            (above / rank) * ((judged + notJudged) / above) * ((relevant + EPSILON) / (judged + 2 * EPSILON));
      relevant++;
    }
  }
  return ratio(sum, ranking.relevant(level));
}

export function setPrecision(ranking: JudgedRanking, level: number): number {
  return ratio(ranking.retrieved(level), ranking.size);
}

export function setRelativePrecision(ranking: JudgedRanking, level: number): number {
  return relativePrecision(ranking, level, ranking.size);
}

export function setAveragePrecision(ranking: JudgedRanking, level: number): number {
  return ratio(ranking.retrieved(level) ** 2, ranking.size * ranking.relevant(level));
}

/** The weighted harmonic mean of precision and recall; `beta` is trec_eval's: how much more recall counts, not its square root. */
export function setF(ranking: JudgedRanking, level: number, beta: number): number {
  const [p, r] = [setPrecision(ranking, level), recall(ranking, level)];
  return ratio((beta + 1) * p * r, beta * p + r);
}

/** The share of the documents within the cutoff that have a judgement, negative or not; of those that are there. */
export function judgedShare(ranking: JudgedRanking, cutoff = Infinity): number {
  const depth = Math.min(cutoff, ranking.size);
  return ratio(depth - outsidePool(ranking, depth), depth);
}

/** The share of the documents within the cutoff whose grade is not at least 0; documents that are not there have one. */
export function unjudgedShare(ranking: JudgedRanking, cutoff: number): number {
  let count = 0;
  for (const grade of ranking.grades.subarray(0, cutoff)) if (grade < 0) count++;
  return count / cutoff;
}

function outsidePool(ranking: JudgedRanking, depth: number): number {
  let count = 0;
  for (const grade of ranking.grades.subarray(0, depth)) if (grade === NOT_IN_POOL) count++;
  return count;
}
