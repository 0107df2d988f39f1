/**
 * Training of models that compare two documents.
 */
import { expected } from '../../errors.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import type { Document } from '../../ir/types.ts';
import { RandomizedSerializableIterator } from '../../learning/iteratorAdapters.ts';
import type { SerializableIterator } from '../../learning/iterators.ts';
import { LossTrainer } from '../../learning/lossTrainer.ts';
import type { RandomState } from '../../learning/random.ts';
import { Sampler } from '../../learning/sampler.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { DuoScorer } from '../duo.ts';
import { DuoLogProbaLoss } from '../losses/pairwise.ts';
import type { PairwiseRecord } from '../records.ts';
import { ScorerOutputType } from '../scorer.ts';
import { addScoreLoss, checkTexts, numbers, type ScoredBatch, widened } from './scoreTrainer.ts';

/** A pair, and which of its documents is shown first. */
export interface SwappedRecord extends PairwiseRecord {
  /** The negative one is shown first; default false. */
  readonly swapped?: boolean;
}

/** Shows either document first, at random, so that their place says nothing. */
export class RandomSwapSampler extends config(
  import.meta,
  'xpmir.letor.samplers.RandomSwapSampler',
  { sampler: param(Sampler) },
  Sampler,
) {
  declare batches: Sampler<SwappedRecord>['batches'];

  override iterate(random: RandomState): SerializableIterator<SwappedRecord> {
    const dice = random.fork();
    return new RandomizedSerializableIterator(
      this.sampler.iterate(random) as SerializableIterator<PairwiseRecord>,
      dice,
      (record, own) => ({ ...record, swapped: own.integer(2) === 1 }),
    );
  }
}

/** Scores above it say that the first comes first, with a probability of more than a half. */
const THRESHOLD: Readonly<Record<ScorerOutputType, number>> = {
  [ScorerOutputType.REAL]: 0,
  [ScorerOutputType.PROBABILITY]: 0.5,
  [ScorerOutputType.LOG_PROBABILITY]: Math.log(0.5),
};

/**
 * Trains a DuoScorer to tell which of two documents comes first, shown in random order. Its sampler gives
 * `PairwiseRecord`s; the metric `accuracy` is how often it tells right.
 */
export class DuoPairwiseTrainer extends config(
  import.meta,
  'xpmir.letor.trainers.pairwise.DuoPairwiseTrainer',
  { lossfn: param(DuoLogProbaLoss, { default: () => new DuoLogProbaLoss(), ignoreDefault: true }) },
  LossTrainer<SwappedRecord, ScoredBatch<Tensor>>,
) {
  protected override get samplerOfRun(): Sampler<SwappedRecord> {
    return new RandomSwapSampler({ sampler: this.sampler });
  }

  protected override async collate(records: readonly SwappedRecord[]): Promise<ScoredBatch<Tensor>> {
    const shown = records.map(({ positive, negative, swapped = false }) =>
      swapped ? [negative, positive] : [positive, negative],
    ) as readonly (readonly [Document, Document])[];
    const topics = records.map(({ topic }) => topic);
    checkTexts({ topics, documents: shown.flat() });
    const first = shown.map(([document]) => document);
    const second = shown.map(([, document]) => document);
    return {
      inputs: await this.#scorer.collate({ topics, first, second }),
      wanted: numbers(records.map(({ swapped = false }) => (swapped ? 0 : 1))),
    };
  }

  protected override trainBatch({ inputs, wanted }: ScoredBatch<Tensor>): void {
    const { outputType } = this.#scorer;
    const scores = widened(this.#scorer.forward(inputs)); // [N]
    addScoreLoss(this.context, this.lossfn, this.lossfn.compute(scores, wanted, outputType), scores);
    const right = scores.detach().gt(THRESHOLD[outputType]).eq(wanted.gt(0));
    this.context.addMetric('accuracy', right.to('float32').mean(), wanted.shape[0] as number);
  }

  get #scorer(): DuoScorer {
    const model = this.trainedModel;
    if (model instanceof DuoScorer) return model;
    throw expected('a DuoScorer', 'the model of DuoPairwiseTrainer', model);
  }
}
