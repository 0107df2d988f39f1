/**
 * What trainers of rankers have in common.
 */
import { ArgumentError, expected } from '../../errors.ts';
import { config } from '../../experiment/config.ts';
import type { TrainerContext } from '../../learning/context.ts';
import { LossTrainer } from '../../learning/lossTrainer.ts';
import { tensor } from '../../torch/factories.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { DualVectorListener, observingVectors } from '../dual.ts';
import type { RankingLoss } from '../losses/rankingLoss.ts';
import type { ScoredPairs } from '../records.ts';
import { Scorer } from '../scorer.ts';

/** A batch as tensors: what the model takes, and what the loss wants of its scores. */
export interface ScoredBatch<W = unknown> {
  readonly inputs: unknown;
  readonly wanted: W;
}

/** Trains a scorer with a loss over its scores. */
export abstract class ScoreTrainer<T = unknown, W = unknown> extends config(
  import.meta,
  'xpmir.letor.trainers.ScoreTrainer',
  {},
  LossTrainer<unknown, ScoredBatch>,
) {
  protected abstract override collate(records: readonly T[]): Promise<ScoredBatch<W>>;
  protected abstract override trainBatch(batch: ScoredBatch<W>): void;

  protected get scorer(): Scorer {
    const model = this.trainedModel;
    if (model instanceof Scorer) return model;
    throw expected('a Scorer', `the model of ${this.constructor.name}`, model);
  }

  /** Scores of the pairs, in float32 at least; hooks for vectors are shown those that they come from. */
  protected scores(inputs: unknown): Tensor {
    return widened(this.#observed(() => this.scorer.forward(inputs)));
  }

  /** Shows vectors to the hooks for them. */
  protected tell(topics: Tensor, documents: Tensor): void {
    for (const hook of this.context.hooks(DualVectorListener)) hook.vectors(this.context, topics, documents);
  }

  #observed(score: () => Tensor): Tensor {
    const [first] = this.context.hooks(DualVectorListener);
    if (first === undefined) return score();
    let told = false;
    const look = (topics: Tensor, documents: Tensor) => {
      told = true;
      this.tell(topics, documents);
    };
    const scores = observingVectors(look, score);
    if (told) return scores;
    throw new ArgumentError(
      `${first.constructor.name}: expected a DualScorer, which has vectors to look at, but ${this.scorer.constructor.name} showed none`,
    );
  }
}

/** Adds a loss over scores; one of a score that is not finite is NaN, which ends the run with the place where it began. */
export function addScoreLoss(
  context: Pick<TrainerContext, 'addLoss'>,
  { lossName, weight }: RankingLoss,
  value: Tensor,
  scores: Tensor,
): void {
  // A loss alone may hide it: a hinge of an infinite score is 0. Nothing is read here, so steps can be compiled.
  context.addLoss(lossName, value.add(scores.detach().mul(0).sum()), weight);
}

/** Losses are computed in float32 at least. */
export function widened(scores: Tensor): Tensor {
  return scores.dtype === 'bfloat16' || scores.dtype === 'float16' ? scores.to('float32') : scores;
}

/** @throws ArgumentError where a sampler gives records of another kind, by trainer and field */
export function checkFields(
  trainer: { readonly constructor: { readonly name: string } },
  records: readonly object[],
  fields: readonly string[],
): void {
  for (const record of records) {
    const lacking = fields.find(
      (field) => (record as Readonly<Record<string, unknown>>)[field] === undefined,
    );
    if (lacking !== undefined)
      throw new ArgumentError(
        `${trainer.constructor.name}: expected records with ${fields.join(', ')}, but its sampler gives none of ` +
          `${lacking}: it gives ${Object.keys(record).join(', ') || 'nothing'}`,
      );
  }
}

/** @throws ArgumentError for a topic or document whose text nobody fetched */
export function checkTexts({ topics, documents }: Pick<ScoredPairs, 'topics' | 'documents'>): void {
  const check = (kind: string, { id, text }: { readonly id: string; readonly text?: string }) => {
    if (typeof text !== 'string')
      throw expected('a text, which a SampleHydrator fetches,', `${kind} ${id}`, text);
  };
  for (const topic of topics) check('topic', topic);
  for (const document of documents) check('document', document);
}

/** Numbers as a tensor of float32. */
export function numbers(values: readonly number[]): Tensor {
  return tensor(Float32Array.from(values));
}
