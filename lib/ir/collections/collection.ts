/**
 * Documents, topics and judgements that belong together.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, expected, show } from '../../errors.ts';
import { FileIterator } from '../../learning/fileIterators.ts';
import { checkVersion } from '../../learning/textFile.ts';
import { checkOptions } from '../../options.ts';
import type { Qrels, Topic } from '../types.ts';
import { DocumentStore, type Documents, MemoryDocuments } from './documentStore.ts';
import { readDocuments } from './documents.ts';
import type { Dropped } from './join.ts';
import { readQrels } from './qrels.ts';
import type { DocumentSource } from './storeBuilder.ts';
import { readTopics } from './topics.ts';

/** Every judgement is of a topic and a document that are there. */
export interface Collection {
  readonly documents: Documents;
  readonly topics: ReadonlyMap<string, Topic>;
  readonly qrels: Qrels;
  /** Judgements that were left out. */
  readonly dropped: Dropped;
}

export interface CollectionOptions {
  /** Directory of a DocumentStore: made there, or opened where it is. By default all documents are in memory. */
  readonly store?: string;
  /** Whether judgements of what is not there are an error (the default), or left out and counted. */
  readonly missing?: 'refuse' | 'drop';
}

export interface CollectionParts {
  /** Such as those of `readDocuments`. */
  readonly documents: DocumentSource | Documents;
  readonly topics: ReadonlyMap<string, Topic>;
  /** The path of a file that `readQrels` takes. */
  readonly qrels: string;
}

const OPTIONS = ['store', 'missing'];

/** @throws ArgumentError for judgements of what is not there: with file, line, identifier, and how many there are */
export async function readCollection(
  parts: CollectionParts,
  options: CollectionOptions = {},
): Promise<Collection> {
  const { store, missing } = checkOptions('readCollection', options, OPTIONS);
  const { documents: source, topics, qrels: path } = parts;
  if (typeof source !== 'object' || source === null)
    throw expected('documents, such as those of readDocuments or a DocumentStore,', 'documents', source);
  if (typeof topics?.has !== 'function')
    throw expected('topics by identifier, such as those of readTopics,', 'topics', topics);
  const documents = 'has' in source ? source : await open(source, store);
  const qrels = await readQrels(path, { topics, documents, missing });
  return { documents, topics, qrels, dropped: qrels.dropped };
}

/**
 * A collection as BEIR has them: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`, each compressed with gzip or not. Its
 * topics are those that the split judges.
 *
 * @param split default `test`
 */
export async function readBeir(
  directory: string,
  split = 'test',
  options: CollectionOptions = {},
): Promise<Collection> {
  const qrels = fileIn(join(directory, 'qrels'), `${split}.tsv`);
  const all = await readTopics(fileIn(directory, 'queries.jsonl'));
  const documents = readDocuments(fileIn(directory, 'corpus.jsonl'));
  const collection = await readCollection({ documents, topics: all, qrels }, options);
  return { ...collection, topics: new Map([...all].filter(([id]) => collection.qrels.has(id))) };
}

async function open(source: DocumentSource, store: string | undefined): Promise<Documents> {
  if (store === undefined) return MemoryDocuments.read(source);
  if (typeof store !== 'string' || store === '') throw expected('a path', 'store', store);
  if (!existsSync(store)) return DocumentStore.build(store, source);
  const opened = await DocumentStore.open(store);
  try {
    checkSource(opened, source);
    return opened;
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** @throws ArgumentError when a store was made of something else */
function checkSource(store: DocumentStore, documents: DocumentSource): void {
  if (!(documents instanceof FileIterator) || store.source === null) return;
  try {
    checkVersion(documents.path, store.source, documents.stateDict().file);
  } catch (error) {
    throw new ArgumentError(
      `The store ${store.directory} was made of another file: ${(error as Error).message}`,
      'ERR_FILE',
    );
  }
}

function fileIn(directory: string, name: string): string {
  const found = [name, `${name}.gz`, `${name}.zst`].find((each) => existsSync(join(directory, each)));
  if (found !== undefined) return join(directory, found);
  const there = existsSync(directory)
    ? readdirSync(directory).slice(0, 10).map(show).join(', ')
    : 'no directory';
  throw new ArgumentError(`Expected ${name} in ${directory} but received ${there || 'nothing'}`, 'ERR_FILE');
}
