/**
 * What rankers and validations need, from files: declared, so that a job can open it in its own process.
 */
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { pathname, string } from '../../experiment/types.ts';
import { DocumentStore } from '../collections/documentStore.ts';
import { readQrels } from '../collections/qrels.ts';
import { readRun } from '../collections/runs.ts';
import { readTopics } from '../collections/topics.ts';
import type { Run, ScoredDocument, Topic } from '../types.ts';
import { Adhoc, type JudgedTopics } from './adhoc.ts';
import { DocumentProvider } from './documentProvider.ts';
import { RunRetriever } from './firstStage.ts';
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
