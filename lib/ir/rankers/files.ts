/**
 * What rankers and validations need, from files: declared, so that a job can open it in its own process.
 */
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { int, pathname, string } from '../../experiment/types.ts';
import { DocumentStore, MemoryDocuments } from '../collections/documentStore.ts';
import { readDocuments } from '../collections/documents.ts';
import { readQrels } from '../collections/qrels.ts';
import { readRun } from '../collections/runs.ts';
import { readTopics } from '../collections/topics.ts';
import { InvertedIndex } from '../firststage/invertedIndex.ts';
import { completeSimilarity, type Similarity } from '../firststage/similarity.ts';
import type { Run, ScoredDocument, Topic } from '../types.ts';
import { Adhoc, type JudgedTopics } from './adhoc.ts';
import { DocumentProvider, type DocumentTexts, OpenDocuments } from './documentProvider.ts';
import { checkTopK, RunRetriever } from './firstStage.ts';
import { Retriever } from './retriever.ts';

/**
 * The documents of a `DocumentStore`.
 *
 * - `documentsId`: names them in the identity, such as 'vaswani'; `directory`, which is not in it, is where they are
 */
export class StoredDocuments extends config(
  import.meta,
  'xpmir.documents.StoredDocuments',
  { documentsId: param(string), directory: param(pathname) },
  DocumentProvider,
) {
  #store: Promise<DocumentStore> | undefined;

  override open(): Promise<DocumentStore> {
    this.#store ??= DocumentStore.open(this.directory);
    return this.#store;
  }
}

/**
 * The documents of a file in a format of `readDocuments`, all of them in memory.
 *
 * - `documentsId`: names them in the identity; `file`, which is not in it, is where they are
 */
export class FileDocuments extends config(
  import.meta,
  'xpmir.documents.FileDocuments',
  { documentsId: param(string), file: param(pathname) },
  DocumentProvider,
) {
  #read: Promise<MemoryDocuments> | undefined;

  override open(): Promise<MemoryDocuments> {
    this.#read ??= MemoryDocuments.read(readDocuments(this.file));
    return this.#read;
  }
}

/**
 * The topics of a file in a format of `readTopics`, for samples that name them by identifier.
 *
 * - `topicsId`: names them in the identity; `file`, which is not in it, is where they are
 */
export class FileTopics extends config(
  import.meta,
  'xpmir.documents.FileTopics',
  { topicsId: param(string), file: param(pathname) },
  DocumentProvider,
) {
  #read: Promise<DocumentTexts> | undefined;

  override open(): Promise<DocumentTexts> {
    this.#read ??= readTopics(this.file).then((topics) => new OpenDocuments(topics).texts);
    return this.#read;
  }
}

/**
 * Topics and judgements of files, in the formats of `readTopics` and `readQrels`.
 *
 * - `datasetId`: names them in the identity, such as 'vaswani'; the files, which are not in it, are where they are
 */
export class FileAdhoc extends config(
  import.meta,
  'xpmir.datasets.FileAdhoc',
  { datasetId: param(string), topics: param(pathname), qrels: param(pathname) },
  Adhoc,
) {
  #read: Promise<JudgedTopics> | undefined;

  override open(): Promise<JudgedTopics> {
    this.#read ??= this.#files();
    return this.#read;
  }

  async #files(): Promise<JudgedTopics> {
    const topics = await readTopics(this.topics);
    return { topics: [...topics.values()], qrels: await readQrels(this.qrels) };
  }
}

/**
 * The best documents of a run in a file, such as the one of a first stage.
 *
 * - `runId`: names it in the identity, such as 'bm25'; `file`, which is not in it, is where it is
 */
export class RunFileRetriever extends config(
  import.meta,
  'xpmir.rankers.RunFileRetriever',
  { runId: param(string), file: param(pathname) },
  Retriever,
) {
  #run: Promise<Run> | undefined;

  override async retrieve(topic: Topic): Promise<readonly ScoredDocument[]> {
    this.#run ??= readRun(this.file);
    return new RunRetriever(await this.#run).retrieve(topic);
  }
}

/** What an `IndexFileRetriever` is made of. */
export interface IndexFileValues {
  /** Names the index in the identity, such as 'vaswani'. */
  readonly indexId: string;
  /** Where the index is, as `InvertedIndex.build` left it; not in the identity. */
  readonly directory: string | URL;
  /** How documents are scored, also as JSON; by default BM25 as `search` has it. */
  readonly similarity?: Similarity | string;
  /** Default 1000. */
  readonly topK?: number;
}

/**
 * The best documents of an `InvertedIndex` in a directory. Its similarity, as JSON with all options and in one order, is in
 * the identity: to leave an option out is the same as to give its default.
 */
export class IndexFileRetriever extends config(
  import.meta,
  'xpmir.rankers.IndexFileRetriever',
  {
    indexId: param(string),
    directory: param(pathname),
    similarity: param(string),
    topK: param(int, { default: 1000, ignoreDefault: true }),
  },
  Retriever,
) {
  #index: Promise<InvertedIndex> | undefined;

  /** @throws ArgumentError for what is no similarity */
  constructor({ similarity = { name: 'bm25' }, ...rest }: IndexFileValues) {
    const given = typeof similarity === 'string' ? (JSON.parse(similarity) as Similarity) : similarity;
    super({ ...rest, similarity: JSON.stringify(completeSimilarity(given)) });
  }

  override validate(): void {
    super.validate();
    checkTopK(this.topK);
  }

  override async retrieve({ text }: Topic): Promise<readonly ScoredDocument[]> {
    this.#index ??= InvertedIndex.open(this.directory);
    const similarity = JSON.parse(this.similarity) as Similarity;
    return (await this.#index).search(text, this.topK, { similarity });
  }
}
