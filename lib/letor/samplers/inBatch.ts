/**
 * Samples whose negatives are the documents of the others in a batch.
 */
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { bool } from '../../experiment/types.ts';
import { SerializableIteratorTransform } from '../../learning/iteratorAdapters.ts';
import type { SerializableIterator } from '../../learning/iterators.ts';
import type { RandomState } from '../../learning/random.ts';
import { Sampler } from '../../learning/sampler.ts';
import type { BatchwiseSample, PairwiseSample } from './samples.ts';

/** Of B pairs the product of B topics with 2B documents, where a topic's own positive alone is relevant. */
export class PairwiseInBatchNegativesSampler extends config(
  import.meta,
  'xpmir.letor.samplers.PairwiseInBatchNegativesSampler',
  {
    sampler: param(Sampler),
    /** Whether the pairs' own negatives are there too; without them it is B topics with B documents. */
    negatives: param(bool, { default: true, ignoreDefault: true }),
  },
  Sampler,
) {
  declare batches: Sampler<BatchwiseSample>['batches'];

  iterate(random: RandomState): SerializableIterator<BatchwiseSample> {
    const pairs = this.sampler.iterate(random) as SerializableIterator<PairwiseSample>;
    return new SerializableIteratorTransform(pairs, ({ topic, positive, negative }) =>
      this.negatives
        ? { topic, documents: [positive, negative], relevances: [1, 0] }
        : { topic, documents: [positive], relevances: [1] },
    );
  }
}
