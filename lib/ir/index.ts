/**
 * Retrieval: text to tokens, first-stage ranking, measures.
 *
 * @module xpmir/ir
 */
export { Bm25Index, type Bm25Options } from './bm25.ts';
export { readQrels, writeQrels } from './collections/qrels.ts';
export {
  type ReadRunOptions,
  readRun,
  type TaggedRun,
  type WriteRunOptions,
  writeRun,
} from './collections/runs.ts';
export { evaluate, type Judgements, type Measure, parseMeasure, recall, reciprocalRank } from './measures.ts';
export { stem } from './stem.ts';
export { tokenizeIdentifiers } from './tokenize.ts';
export { type Hit, topK } from './topK.ts';
export type { Document, Qrels, Run, ScoredDocument, Topic } from './types.ts';
