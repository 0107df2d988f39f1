/**
 * Validation by retrieval: what a ranker that is being trained returns for topics whose relevant documents are known.
 */
import { ArgumentError, show } from '../errors.ts';
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { list, string } from '../experiment/types.ts';
import { RunEvaluator } from '../ir/measures/evaluate.ts';
import { parseMeasure } from '../ir/measures/parseMeasure.ts';
import { Adhoc } from '../ir/rankers/adhoc.ts';
import { Retriever, retrieveEach } from '../ir/rankers/retriever.ts';
import { Evaluator, type MetricsPerItem } from '../learning/validation.ts';

/**
 * Measures what a retriever returns. For a `ValidationListener`, the retriever is usually a `TwoStageRetriever` whose scorer is
 * the model of the learner.
 *
 * - `measures`: names such as `RR@10`, which the listener has in its `metrics`
 *
 * Topics are looked at one after the other: each ranking is measured and forgotten, and others have a turn in between.
 * Topics without judgements are left out. A retriever that returns nothing for any topic is an error.
 */
export class RetrievalEvaluator extends config(
  import.meta,
  'xpmir.letor.validation.RetrievalEvaluator',
  { retriever: param(Retriever), dataset: param(Adhoc), measures: param(list(string)) },
  Evaluator,
) {
  override validate(): void {
    super.validate();
    if (this.measures.length === 0) throw wrong('retrievalEvaluator.measures', 'at least one measure', []);
    // A name that is none is told before the first epoch.
    for (const name of this.measures) parseMeasure(name);
  }

  override async evaluate(): Promise<MetricsPerItem> {
    const { topics, qrels } = await this.dataset.open();
    // A validation may look at some of the judged topics: the others have no value, rather than 0.
    const measures = new RunEvaluator(this.measures, qrels, { topics: 'both' });
    const judged = [...topics].filter(({ id }) => qrels.has(id));
    if (judged.length === 0)
      throw new ArgumentError('Expected at least one topic with judgements but received none');
    let found = 0;
    for await (const [{ id }, documents] of retrieveEach(this.retriever, judged)) {
      found += documents.length;
      measures.add(id, documents);
    }
    if (found === 0)
      throw new ArgumentError(
        `Expected documents for some topic of ${judged.length} from ${this.retriever.constructor.name} but received none ` +
          `(topics such as ${show(judged[0]?.id)}): its run or index may have other identifiers`,
      );
    return measures.result().perTopic;
  }
}
