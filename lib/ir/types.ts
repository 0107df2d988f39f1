/**
 * What retrieval speaks of: topics, documents, judgements, runs.
 */

/** A query, with the identifier by which judgements and runs name it. */
export interface Topic {
  readonly id: string;
  readonly text: string;
}

/** A document; what its file has besides (a URL, a date) stands beside its text. */
export interface Document {
  readonly id: string;
  readonly text: string;
  readonly title?: string;
}

/** Grades by topic and document; a grade of at least 1 is relevant, unless a measure says otherwise. */
export type Qrels = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Scores by topic and document. The rank follows from the score, highest first; equal scores by identifier, descending. */
export type Run = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** A document that a ranker returned. */
export interface ScoredDocument {
  readonly id: string;
  readonly score: number;
}
