/**
 * Training on topics with one document each.
 */
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { MSELoss, PointwiseLoss } from '../losses/pointwise.ts';
import type { PointwiseRecord, ScoredPairs } from '../records.ts';
import {
  addScoreLoss,
  checkFields,
  checkTexts,
  numbers,
  type ScoredBatch,
  ScoreTrainer,
} from './scoreTrainer.ts';

/** Trains a scorer on grades; by default on their squared error. Its sampler gives `PointwiseRecord`s. */
export class PointwiseTrainer extends config(
  import.meta,
  'xpmir.letor.trainers.pointwise.PointwiseTrainer',
  { lossfn: param(PointwiseLoss, { default: () => new MSELoss(), ignoreDefault: true }) },
  ScoreTrainer<PointwiseRecord, Tensor>,
) {
  protected override async collate(records: readonly PointwiseRecord[]): Promise<ScoredBatch<Tensor>> {
    checkFields(this, records, ['topic', 'document', 'relevance']);
    const all = Int32Array.from(records, (_, i) => i);
    const pairs: ScoredPairs = {
      topics: records.map(({ topic }) => topic),
      documents: records.map(({ document }) => document),
      pairs: { topicIndices: all, documentIndices: all },
    };
    checkTexts(pairs);
    return {
      inputs: await this.scorer.collate(pairs),
      wanted: numbers(records.map(({ relevance }) => relevance)),
    };
  }

  protected override trainBatch({ inputs, wanted }: ScoredBatch<Tensor>): void {
    const scores = this.scores(inputs); // [N]
    const { lossfn } = this;
    addScoreLoss(this.context, lossfn, lossfn.compute(scores, wanted, this.scorer.outputType), scores);
  }
}
