/**
 * Retrieval: text to terms, first-stage ranking, measures.
 *
 * @module xpmir/ir
 */

export { DamagedError } from '../learning/damaged.ts';
export { Analyzer, type AnalyzerOptions } from './analysis/analyzer.ts';
export { tokenizeIdentifiers } from './analysis/identifiers.ts';
export { stem } from './analysis/porter.ts';
export { stemEnglish } from './analysis/porter2.ts';
export { STOP_WORDS } from './analysis/stopWords.ts';
export type { Hit } from './bestHits.ts';
export {
  type Collection,
  type CollectionOptions,
  type CollectionParts,
  readBeir,
  readCollection,
} from './collections/collection.ts';
export {
  DocumentStore,
  type Documents,
  MemoryDocuments,
  type OpenStoreOptions,
} from './collections/documentStore.ts';
export { type DocumentOptions, readDocuments, titleAndText } from './collections/documents.ts';
export type { FormatName } from './collections/formats.ts';
export type { Dropped, JoinOptions, Membership } from './collections/join.ts';
export { type JoinedQrels, readQrels, writeQrels } from './collections/qrels.ts';
export { RowIterator } from './collections/rows.ts';
export {
  type ReadRun,
  type ReadRunOptions,
  readRun,
  type TaggedRun,
  type WriteRunOptions,
  writeRun,
} from './collections/runs.ts';
export type { DocumentTags } from './collections/sgml.ts';
export type { DocumentSource } from './collections/storeBuilder.ts';
export { readTopics, type TopicOptions } from './collections/topics.ts';
export {
  type HardNegatives,
  type JoinedRecordOptions,
  type Pair,
  RecordIterator,
  type RecordOptions,
  readHardNegatives,
  readPairs,
  readScoredTriples,
  readTextTriples,
  readTriples,
  type ScoredTriple,
  type TextTriple,
  type Triple,
} from './collections/training.ts';
export type { BuildOptions, IndexingProgress } from './firststage/build.ts';
export { InvertedIndex, type SearchAllOptions, type SearchOptions } from './firststage/invertedIndex.ts';
export type {
  Bm25,
  CollectionStatistics,
  Dirichlet,
  JelinekMercer,
  Similarity,
  TermStatistics,
} from './firststage/similarity.ts';
export * from './measures/index.ts';
export { Adhoc, type JudgedTopics, OpenAdhoc } from './rankers/adhoc.ts';
export {
  DocumentProvider,
  type DocumentTexts,
  OpenDocuments,
  type TextsById,
} from './rankers/documentProvider.ts';
export {
  FileAdhoc,
  FileDocuments,
  FileTopics,
  IndexFileRetriever,
  type IndexFileValues,
  RunFileRetriever,
  StoredDocuments,
} from './rankers/files.ts';
export { FullRetriever, IndexRetriever, RunRetriever, type SearchIndex } from './rankers/firstStage.ts';
export { type InterpolateOptions, interpolate, reciprocalRankFusion } from './rankers/fusion.ts';
export { type RetrieveOptions, Retriever, retrieveEach, retrieveRun } from './rankers/retriever.ts';
export * from './significance/index.ts';
export { topK } from './topK.ts';
export type { Document, Qrels, Run, ScoredDocument, Topic } from './types.ts';
