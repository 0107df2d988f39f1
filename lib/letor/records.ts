/**
 * What a ranker learns from and is asked to score: topics and documents, and which of them belong together.
 */
import type { Document, Topic } from '../ir/types.ts';

/** A topic and a document, with how relevant it is. */
export interface PointwiseRecord {
  readonly topic: Topic;
  readonly document: Document;
  /** A grade; greater than 0 is relevant. */
  readonly relevance: number;
}

/** A topic, a document that should come first, and one that should come behind it. */
export interface PairwiseRecord {
  readonly topic: Topic;
  readonly positive: Document;
  readonly negative: Document;
}

/** A topic with documents of its own. In a batch, those of the other records are documents for it too. */
export interface BatchwiseRecord {
  readonly topic: Topic;
  readonly documents: readonly Document[];
  /** Of each document, for the topic; greater than 0 is relevant, as at least one is. */
  readonly relevances: readonly number[];
}

/** A pair with the scores that a teacher gave. */
export interface DistillationPairwiseRecord extends PairwiseRecord {
  readonly positiveScore: number;
  readonly negativeScore: number;
}

/** A topic and documents with the scores that a teacher gave. */
export interface DistillationListwiseRecord {
  readonly topic: Topic;
  readonly documents: readonly Document[];
  readonly scores: readonly number[];
}

/** Topics and documents of a batch, and which pairs of them are scored. */
export interface ScoredPairs {
  readonly topics: readonly Topic[];
  readonly documents: readonly Document[];
  /**
   * Pair i is `topics[topicIndices[i]]` with `documents[documentIndices[i]]`. Undefined: every topic with every document,
   * those of the first topic first.
   */
  readonly pairs?: { readonly topicIndices: Int32Array; readonly documentIndices: Int32Array };
}

/** Number of pairs. */
export function pairCount({ topics, documents, pairs }: ScoredPairs): number {
  return pairs === undefined ? topics.length * documents.length : pairs.topicIndices.length;
}

/** The indices of the pairs, also where they are all. */
export function pairIndices({ topics, documents, pairs }: ScoredPairs): NonNullable<ScoredPairs['pairs']> {
  if (pairs !== undefined) return pairs;
  const count = topics.length * documents.length;
  return {
    topicIndices: Int32Array.from({ length: count }, (_, i) => Math.floor(i / documents.length)),
    documentIndices: Int32Array.from({ length: count }, (_, i) => i % documents.length),
  };
}
