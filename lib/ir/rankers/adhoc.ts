/**
 * Topics and what is relevant for them.
 */
import { config } from '../../experiment/config.ts';
import type { MaybePromise } from '../../learning/iterators.ts';
import type { Qrels, Topic } from '../types.ts';

export interface JudgedTopics {
  /** In the order in which they are looked at. */
  readonly topics: Iterable<Topic>;
  readonly qrels: Qrels;
}

/** Opens topics and judgements when they are needed, as in the process of a job. */
export abstract class Adhoc extends config(import.meta, 'datamaestro_text.data.ir.Adhoc', {}) {
  /** The same each time. */
  abstract open(): MaybePromise<JudgedTopics>;
}

/** Topics and judgements that are there already. */
export class OpenAdhoc extends Adhoc {
  readonly judged: JudgedTopics;

  constructor(topics: Iterable<Topic>, qrels: Qrels) {
    super();
    this.judged = { topics, qrels };
  }

  open(): JudgedTopics {
    return this.judged;
  }
}
