/**
 * Retrievers that need no model: of an index, of a run, of everything.
 */
import { expected } from '../../errors.ts';
import type { MaybePromise } from '../../learning/iterators.ts';
import type { Run, ScoredDocument, Topic } from '../types.ts';
import { inOrder } from './order.ts';
import { Retriever } from './retriever.ts';

/** Whatever is searched by text, such as an inverted index. */
export interface SearchIndex {
  /** The `k` best documents, best first. */
  search(query: string, k: number): MaybePromise<readonly ScoredDocument[]>;
}

/** @throws ArgumentError for what is no count of documents */
export function checkTopK(topK: number): number {
  if (!(Number.isSafeInteger(topK) && topK >= 1)) throw expected('a positive integer', 'topK', topK);
  return topK;
}

/** The best documents of an index; 1000 unless told otherwise. */
export class IndexRetriever extends Retriever {
  readonly index: SearchIndex;
  readonly topK: number;

  constructor(index: SearchIndex, topK = 1000) {
    super();
    this.index = index;
    this.topK = checkTopK(topK);
  }

  retrieve({ text }: Topic): MaybePromise<readonly ScoredDocument[]> {
    return this.index.search(text, this.topK);
  }
}

/** The best documents of a run, such as one that another system made; a topic that it lacks has none. */
export class RunRetriever extends Retriever {
  readonly run: Run;
  readonly topK: number;

  constructor(run: Run, topK = Infinity) {
    super();
    this.run = run;
    this.topK = topK === Infinity ? topK : checkTopK(topK);
  }

  retrieve({ id }: Topic): readonly ScoredDocument[] {
    const scores = Array.from(this.run.get(id) ?? [], ([document, score]) => ({ id: document, score }));
    return inOrder(id, scores).slice(0, this.topK);
  }
}

/** All documents with the score 0, for a second stage that ranks everything. */
export class FullRetriever extends Retriever {
  readonly #documents: readonly ScoredDocument[];

  constructor(ids: Iterable<string>) {
    super();
    this.#documents = inOrder(
      '',
      Array.from(ids, (id) => ({ id, score: 0 })),
    );
  }

  retrieve(): readonly ScoredDocument[] {
    return this.#documents;
  }
}
