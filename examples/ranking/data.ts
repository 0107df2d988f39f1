/**
 * The collection, its first stage, and which topics are trained on.
 */
import {
  type Documents,
  InvertedIndex,
  MemoryDocuments,
  type Qrels,
  type Run,
  readDocuments,
  readQrels,
  readTopics,
  type Topic,
} from 'xpmir/ir';

/** How many documents a run has for each topic. */
export const DEPTH = 1000;

export interface TestCollection {
  readonly documents: Documents & Iterable<{ readonly id: string; readonly text: string }>;
  readonly topics: readonly Topic[];
  readonly qrels: Qrels;
  /** What BM25 returns for each of the topics. */
  readonly bm25: Run;
}

export interface Files {
  readonly documents: string;
  readonly topics: string;
  readonly qrels: string;
}

/** Reads the files, each in the format that its name or `format` says, and asks BM25 for all topics. */
export async function readTestCollection(files: Files): Promise<TestCollection> {
  const documents = await MemoryDocuments.read(readDocuments(files.documents));
  const all = await readTopics(files.topics);
  const qrels = await readQrels(files.qrels, { topics: all, documents });
  const topics = [...all.values()].filter(({ id }) => qrels.has(id));
  const index = InvertedIndex.of(documents, { stemmer: 'porter2', stopWords: 'snowball' });
  return { documents, topics, qrels, bm25: await index.searchAll(topics, DEPTH) };
}

/** Topics by what they are for; every topic is for testing in one fold. */
export interface Fold {
  readonly number: number;
  readonly train: readonly Topic[];
  readonly validation: readonly Topic[];
  readonly test: readonly Topic[];
}

/**
 * Fold f tests the topics whose number is f modulo `count`, and validates on those of the next one. Where topics are not numbered,
 * or their numbers leave a fold empty, their places count.
 */
export function foldsOf(topics: readonly Topic[], count: number): readonly Fold[] {
  if (count < 3 || topics.length < count)
    throw new Error(
      `Expected at least 3 folds and as many topics but received ${count} folds of ${topics.length} topics`,
    );
  const byNumber = partsOf(topics, count, ({ id }) => (/^\d+$/.test(id) ? Number(id) : Number.NaN));
  const fits = byNumber.flat().length === topics.length && byNumber.every((part) => part.length > 0);
  const parts = fits ? byNumber : partsOf(topics, count, (_, i) => i);
  return parts.map((test, number) => ({
    number,
    test,
    validation: parts[(number + 1) % count]!,
    train: parts.filter((_, i) => i !== number && i !== (number + 1) % count).flat(),
  }));
}

function partsOf(
  topics: readonly Topic[],
  count: number,
  numberOf: (topic: Topic, i: number) => number,
): readonly (readonly Topic[])[] {
  return Array.from({ length: count }, (_, part) =>
    topics.filter((topic, i) => numberOf(topic, i) % count === part),
  );
}

/** The part of a run, or of judgements, that is about some topics. */
export function about<T>(all: ReadonlyMap<string, T>, topics: readonly Topic[]): Map<string, T> {
  return new Map(topics.flatMap(({ id }) => (all.has(id) ? [[id, all.get(id)!] as const] : [])));
}

/** A ranking of the first documents, with those behind them that only `all` has, in their order there. */
export function completed(run: Run, all: Run): Run {
  return new Map(
    [...all].map(([topic, scores]) => {
      const ranked = new Map(run.get(topic));
      const lowest = Math.min(...ranked.values(), 0);
      let behind = 0;
      for (const id of scores.keys()) if (!ranked.has(id)) ranked.set(id, lowest - ++behind);
      return [topic, ranked];
    }),
  );
}
