/** What measures see: the grades of a ranking, best first, and how many documents were judged with which grade. */
import { expected } from '../../errors.ts';
import { ranked, type Scores } from './ranking.ts';

/** The grade of a retrieved document that nobody saw. */
export const NOT_IN_POOL = -1;
/** The grade of a retrieved document with a negative judgement: seen by nobody, or not to be counted. */
export const NOT_JUDGED = -2;

/** How a ranking is read. */
export interface RankingOptions {
  /** Documents beyond this rank do not exist; default all count. `-M` of trec_eval. */
  readonly depth?: number;
  /** Documents without a judgement are taken out first; default false. `-J` of trec_eval. */
  readonly judgedOnly?: boolean;
  /** Scores are compared as 32-bit floats, as trec_eval 9 and pytrec_eval do; default false, as in trec_eval 10. */
  readonly float32?: boolean;
}

/** @throws ArgumentError for a depth that is no positive integer */
export function checkDepth({ depth }: RankingOptions): void {
  if (depth !== undefined && !(Number.isSafeInteger(depth) && depth >= 1))
    throw expected('a positive integer', 'depth', depth);
}

/** The ranking of one topic against its judgements. */
export class JudgedRanking {
  /** The grade of each retrieved document, best first; {@link NOT_IN_POOL} and {@link NOT_JUDGED} where there is none. */
  readonly grades: Int32Array;
  /** How many documents of the topic were judged with each grade of at least 0. */
  readonly judged: ReadonlyMap<number, number>;
  readonly #ranks = new Map<number, readonly number[]>();
  #judgedOnly: JudgedRanking | undefined;

  constructor(grades: Int32Array, judged: ReadonlyMap<number, number>) {
    this.grades = grades;
    this.judged = judged;
  }

  /** @throws ArgumentError for a score that is no number, and for a grade that is no integer of 32 bits */
  static of(
    topic: string,
    scores: Scores,
    judgements: ReadonlyMap<string, number>,
    options: RankingOptions = {},
  ): JudgedRanking {
    const { depth = Number.POSITIVE_INFINITY, judgedOnly = false, float32 = false } = options;
    const ids = ranked(topic, scores, float32);
    const grades = new Int32Array(Math.min(ids.length, depth));
    for (let i = 0; i < grades.length; i++) {
      const grade = judgements.get(ids[i] as string);
      grades[i] = grade === undefined ? NOT_IN_POOL : grade < 0 ? NOT_JUDGED : grade;
    }
    const ranking = new JudgedRanking(grades, countGrades(topic, judgements));
    return judgedOnly ? ranking.judgedOnly() : ranking;
  }

  /** Number of retrieved documents. */
  get size(): number {
    return this.grades.length;
  }

  /** Ranks, from 1, of the retrieved documents with at least this grade, ascending. */
  ranks(level: number): readonly number[] {
    let ranks = this.#ranks.get(level);
    if (ranks === undefined) {
      const found: number[] = [];
      for (let i = 0; i < this.grades.length; i++) if ((this.grades[i] as number) >= level) found.push(i + 1);
      ranks = found;
      this.#ranks.set(level, ranks);
    }
    return ranks;
  }

  /** How many documents with at least this grade are among the first. */
  retrieved(level: number, depth: number = Number.POSITIVE_INFINITY): number {
    const ranks = this.ranks(level);
    let count = 0;
    while (count < ranks.length && (ranks[count] as number) <= depth) count++;
    return count;
  }

  /** How many documents with at least this grade there are, retrieved or not. */
  relevant(level: number): number {
    let count = 0;
    for (const [grade, documents] of this.judged) if (grade >= level) count += documents;
    return count;
  }

  /** How many documents were judged below this grade, retrieved or not. */
  nonRelevant(level: number): number {
    let count = 0;
    for (const [grade, documents] of this.judged) if (grade < level) count += documents;
    return count;
  }

  /** The same without the documents that were not judged. */
  judgedOnly(): JudgedRanking {
    this.#judgedOnly ??= new JudgedRanking(
      this.grades.filter((grade) => grade >= 0),
      this.judged,
    );
    return this.#judgedOnly;
  }
}

function countGrades(topic: string, judgements: ReadonlyMap<string, number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const [id, grade] of judgements) {
    if ((grade | 0) !== grade)
      throw expected('an integer of 32 bits', `grade of document ${id} of topic ${topic}`, grade);
    if (grade >= 0) counts.set(grade, (counts.get(grade) ?? 0) + 1);
  }
  return counts;
}
