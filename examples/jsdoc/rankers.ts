/**
 * Rankers over the collection, all of one kind: a score for every document, for each query.
 */
import { InvertedIndex, RunEvaluator, topK } from 'xpmir/ir';
import * as torch from 'xpmir/torch';
import type { Corpus, Topic } from './corpus.ts';
import { documentText } from './declaration.ts';
import { type DualEncoder, type Features, toBags } from './encoder.ts';
import { ANALYZER } from './text.ts';

/** What is measured, under the names that means over many queries have. */
const MEASURES = { 'MRR@10': 'RR@10', 'recall@100': 'R@100' } as const;
/** The rank beyond which none of them looks. */
const DEPTH = 100;
export const NAMES = Object.keys(MEASURES) as readonly (keyof typeof MEASURES)[];
/** What models and parameters are chosen by. */
export const CHOSEN_BY = 'MRR@10';

/** A corpus with its texts as the encoder sees them. */
export interface Collection {
  readonly topics: readonly Topic[];
  /** Hashed features of each topic's text. */
  readonly queries: Features;
  /** Hashed features of each document. */
  readonly documents: Features;
}

/** Scores of all documents for each of the topics, in their order. */
export type Ranker = (topics: readonly number[]) => Iterable<ArrayLike<number>>;

export function toCollection({ documents, topics }: Corpus, encoder: DualEncoder): Collection {
  return {
    topics,
    queries: topics.map(({ text }) => encoder.features(text)),
    documents: documents.map((each) => encoder.features(documentText(each))),
  };
}

/** Values of each measure by topic. */
export function evaluateRanker(
  ranker: Ranker,
  { topics }: Pick<Collection, 'topics'>,
  numbers: readonly number[],
): Map<string, Map<number, number>> {
  const relevant = (number: number) => new Map(topics[number]!.relevant.map((doc) => [`${doc}`, 1]));
  const qrels = new Map(numbers.map((number) => [`${number}`, relevant(number)]));
  const evaluator = new RunEvaluator(Object.values(MEASURES), qrels);
  let next = 0;
  for (const scores of ranker(numbers)) {
    // Equal scores stay in the order of the documents, which their ranks as scores keep.
    const found = topK(scores, DEPTH).map(({ doc }, rank) => ({ id: `${doc}`, score: -rank }));
    evaluator.add(`${numbers[next++]!}`, found);
  }
  const { perTopic } = evaluator.result();
  const byNumber = (values: ReadonlyMap<string, number>) =>
    new Map([...values].map(([topic, value]) => [Number(topic), value]));
  return new Map(NAMES.map((name) => [name, byNumber(perTopic.get(MEASURES[name])!)]));
}

/** The mean of each measure over its topics. */
export function means(values: ReadonlyMap<string, ReadonlyMap<number, number>>): Record<string, number> {
  const mean = (perTopic: ReadonlyMap<number, number>) =>
    [...perTopic.values()].reduce((a, b) => a + b, 0) / perTopic.size;
  return Object.fromEntries([...values].map(([name, perTopic]) => [name, mean(perTopic)]));
}

/** Cosines of query and document vectors; @param vectors of all documents, `[N, D]` */
export function denseScores(
  encoder: DualEncoder,
  vectors: torch.Tensor,
  { queries }: Pick<Collection, 'queries'>,
): Ranker {
  return function* (numbers) {
    for (let i = 0; i < numbers.length; i += QUERIES_AT_ONCE) {
      const some = numbers.slice(i, i + QUERIES_AT_ONCE).map((number) => queries[number]!);
      const scores = torch.tidy(() =>
        torch.noGrad(() => encoder.forward(toBags(some)).mm(vectors.t()).toTypedArray()),
      );
      const count = scores.length / some.length;
      for (let q = 0; q < some.length; q++) yield scores.subarray(q * count, (q + 1) * count) as Float32Array;
    }
  };
}

const QUERIES_AT_ONCE = 128;

export interface Bm25Parameters {
  readonly k1: number;
  readonly b: number;
}

/** BM25 at its best: words stemmed, stop words left out, k1 and b chosen on the validation part. */
export function tuneBm25({ documents, topics }: Corpus): Bm25Parameters {
  const index = bm25Index(documents);
  const numbers = [...topics.keys()].filter((i) => topics[i]!.part === 'validation');
  let best = { k1: 1.2, b: 0.75, value: Number.NEGATIVE_INFINITY };
  for (const k1 of [0.4, 0.8, 1.2, 1.6]) {
    for (const b of [0.5, 0.75, 0.9, 1]) {
      const ranker = bm25Scores(index, topics, { k1, b });
      const value = means(evaluateRanker(ranker, { topics }, numbers))[CHOSEN_BY]!;
      if (value > best.value) best = { k1, b, value };
    }
  }
  return { k1: best.k1, b: best.b };
}

export function bm25Index(documents: Corpus['documents']): InvertedIndex {
  return InvertedIndex.of(
    documents.map((each, number) => ({ id: String(number), text: documentText(each) })),
    ANALYZER,
  );
}

export function bm25Scores(
  index: InvertedIndex,
  topics: readonly Topic[],
  parameters: Bm25Parameters,
): Ranker {
  return function* (numbers) {
    for (const number of numbers)
      yield index.scores(topics[number]!.text, { similarity: { name: 'bm25', ...parameters } });
  };
}

/** Both rankers: weight · BM25, as a share of the query's best, and (1 − weight) · cosine. */
export function mixedScores(bm25: Ranker, dense: Ranker, weight: number): Ranker {
  return function* (numbers) {
    const cosines = dense(numbers)[Symbol.iterator]();
    for (const lexical of bm25(numbers))
      yield mix(lexical, cosines.next().value as ArrayLike<number>, weight);
  };
}

export function mix(lexical: ArrayLike<number>, cosines: ArrayLike<number>, weight: number): Float64Array {
  let best = Number.MIN_VALUE;
  for (let i = 0; i < lexical.length; i++) best = Math.max(best, lexical[i]!);
  const mixed = new Float64Array(lexical.length);
  for (let i = 0; i < mixed.length; i++)
    mixed[i] = (weight * lexical[i]!) / best + (1 - weight) * cosines[i]!;
  return mixed;
}

/** The weight of BM25 that is best on the validation part. */
export function tuneWeight(bm25: Ranker, dense: Ranker, collection: Pick<Collection, 'topics'>): number {
  const { topics } = collection;
  const numbers = [...topics.keys()].filter((i) => topics[i]!.part === 'validation');
  let best = { weight: 0.5, value: Number.NEGATIVE_INFINITY };
  for (const weight of [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) {
    const values = evaluateRanker(mixedScores(bm25, dense, weight), collection, numbers);
    const value = means(values)[CHOSEN_BY]!;
    if (value > best.value) best = { weight, value };
  }
  return best.weight;
}
