/**
 * The product of a batch: each of its topics with each of its documents.
 */
import { ArgumentError, expected } from '../errors.ts';
import type { Document, Topic } from '../ir/types.ts';
import type { BatchwiseRecord } from './records.ts';

export interface Product {
  /** T of them, one a record. */
  readonly topics: readonly Topic[];
  /** N of them: the first of each record, in the order of the records, then the second ones, and so on. */
  readonly documents: readonly Document[];
  /** `[T, N]`, by rows. What nobody judged is 0. */
  readonly relevances: Float32Array;
}

/**
 * Every topic with every document. A document that any record of the batch calls relevant for a topic is so for the same
 * topic in other records; any other document of another record is taken for not relevant.
 *
 * @throws ArgumentError for a record without a relevant document
 */
export function productOf(records: readonly BatchwiseRecord[]): Product {
  const judged = new Map<string, Map<string, number>>();
  const topics = records.map(({ topic }) => topic);
  const documents: Document[] = [];
  for (const record of records) note(record, judged);
  const longest = records.reduce((most, record) => Math.max(most, record.documents.length), 0);
  for (let i = 0; i < longest; i++) {
    for (const record of records) {
      const document = record.documents[i];
      if (document !== undefined) documents.push(document);
    }
  }
  const relevances = new Float32Array(topics.length * documents.length);
  for (const [row, topic] of topics.entries()) {
    const grades = judged.get(keyOf(topic));
    for (const [column, document] of documents.entries())
      relevances[row * documents.length + column] = grades?.get(keyOf(document)) ?? 0;
  }
  return { topics, documents, relevances };
}

function note({ topic, documents, relevances }: BatchwiseRecord, judged: Map<string, Map<string, number>>) {
  if (relevances.length !== documents.length)
    throw expected(`${documents.length} numbers`, `relevances of topic ${keyOf(topic)}`, relevances);
  if (!relevances.some((grade) => grade > 0))
    throw new ArgumentError(`Expected a relevant document for topic ${keyOf(topic)} but received none`);
  const grades = judged.get(keyOf(topic)) ?? new Map<string, number>();
  judged.set(keyOf(topic), grades);
  for (const [i, document] of documents.entries()) {
    const grade = relevances[i] as number;
    grades.set(keyOf(document), Math.max(grade, grades.get(keyOf(document)) ?? grade));
  }
}

/** What has no identifier is known by its text. */
function keyOf({ id, text }: { readonly id: string; readonly text: string }): string {
  return id === '' ? text : id;
}
