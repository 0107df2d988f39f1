/**
 * Samples drawn from what a retriever found.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { float } from '../../experiment/types.ts';
import type { SerializableIterator } from '../../learning/iterators.ts';
import type { RandomState } from '../../learning/random.ts';
import { RandomSerializableIterator } from '../../learning/randomIterators.ts';
import type { Sampler } from '../../learning/sampler.ts';
import { ModelBasedSampler } from './rankings.ts';
import { byId, type PairwiseSample, type PointwiseSample } from './samples.ts';

/** Without an end: a random positive with a probability of `relevantRatio`, with its grade, otherwise a random negative, 0. */
export class PointwiseModelBasedSampler extends config(
  import.meta,
  'xpmir.letor.samplers.PointwiseModelBasedSampler',
  { relevantRatio: param(float, { default: 0.5 }) },
  ModelBasedSampler,
) {
  declare batches: Sampler<PointwiseSample>['batches'];

  override validate(): void {
    super.validate();
    const { relevantRatio } = this;
    if (!(relevantRatio >= 0 && relevantRatio <= 1))
      throw wrong('relevantRatio', 'a number from 0 to 1', relevantRatio);
  }

  iterate(random: RandomState): SerializableIterator<PointwiseSample> {
    return new RandomSerializableIterator(random.fork(), (own) => this.#draw(own));
  }

  async *#draw(random: RandomState): AsyncGenerator<PointwiseSample> {
    const { topics } = await this.judged();
    const positives = topics.flatMap(({ topic, positives }) =>
      positives.map(([id, relevance]): PointwiseSample => ({ topic, document: byId(id), relevance })),
    );
    const negatives = topics.flatMap(({ topic, negatives }) =>
      negatives.map((id): PointwiseSample => ({ topic, document: byId(id), relevance: 0 })),
    );
    for (;;) yield random.pick(random.uniform() < this.relevantRatio ? positives : negatives);
  }
}

/** Without an end: a random topic, a random positive and a random negative of it. */
export class PairwiseModelBasedSampler extends config(
  import.meta,
  'xpmir.letor.samplers.PairwiseModelBasedSampler',
  {},
  ModelBasedSampler,
) {
  declare batches: Sampler<PairwiseSample>['batches'];

  iterate(random: RandomState): SerializableIterator<PairwiseSample> {
    return new RandomSerializableIterator(random.fork(), (own) => this.#draw(own));
  }

  async *#draw(random: RandomState): AsyncGenerator<PairwiseSample> {
    const { topics } = await this.judged();
    for (;;) {
      const { topic, positives, negatives } = random.pick(topics);
      const [positive] = random.pick(positives);
      yield { topic, positive: byId(positive), negative: byId(random.pick(negatives)) };
    }
  }
}
