/**
 * How well an encoder finds the declarations: after epochs of its training, and as a job of its own.
 */
import { writeFile } from 'node:fs/promises';
import { Evaluator, type MetricsPerItem } from 'xpmir';
import { config, enumeration, param, path, task } from 'xpmir/experiment';
import { Declarations } from './data.ts';
import { DualEncoder } from './encoder.ts';
import { denseScores, evaluateRanker, means } from './rankers.ts';

const part = enumeration('xpmir.examples.jsdoc.Part', ['validation', 'test']);

/** MRR@10 and recall@100 of the queries of a part, over all documents. */
export class RetrievalEvaluator extends config(
  import.meta,
  'xpmir.examples.jsdoc.RetrievalEvaluator',
  { data: param(Declarations), encoder: param(DualEncoder), part: param(part, { default: 'validation' }) },
  Evaluator,
) {
  evaluate(): MetricsPerItem {
    const collection = this.data.collection(this.encoder);
    const vectors = this.encoder.encode(collection.documents);
    const ranker = denseScores(this.encoder, vectors, collection);
    return evaluateRanker(ranker, collection, this.data.topics(this.part));
  }
}

/** Evaluates an encoder, which an init task has loaded, and writes the means. */
export class Evaluate extends task(import.meta, 'xpmir.examples.jsdoc.Evaluate', {
  evaluator: param(RetrievalEvaluator),
  results: path('results.json'),
}) {
  override async execute(): Promise<void> {
    const values = this.evaluator.evaluate() as ReadonlyMap<string, ReadonlyMap<number, number>>;
    await writeFile(this.results, `${JSON.stringify(means(values))}\n`);
  }
}
