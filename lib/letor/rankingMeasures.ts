/**
 * Measures of rankings that come topic by topic.
 */
import { RunEvaluator } from '../ir/measures/evaluate.ts';
import type { Qrels, ScoredDocument } from '../ir/types.ts';
import type { MetricsPerItem } from '../learning/validation.ts';

/** Measures each ranking when it is there, and forgets it. */
export class RankingMeasures {
  readonly #evaluator: RunEvaluator;

  /** @throws ArgumentError for a name that is none of a measure */
  constructor(names: readonly string[], qrels: Qrels) {
    // A validation may look at some of the judged topics: the others have no value, rather than 0.
    this.#evaluator = new RunEvaluator(names, qrels, { topics: 'both' });
  }

  add(topic: string, documents: readonly ScoredDocument[]): void {
    this.#evaluator.add(topic, documents);
  }

  /** By measure and topic. */
  result(): MetricsPerItem {
    return this.#evaluator.result().perTopic;
  }
}
