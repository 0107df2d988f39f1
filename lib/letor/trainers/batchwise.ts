/**
 * Training on each topic of a batch with each document of it.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { tensor } from '../../torch/factories.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { BatchwiseLoss, SoftmaxCrossEntropy } from '../losses/batchwise.ts';
import { type Product, productOf } from '../product.ts';
import type { BatchwiseRecord } from '../records.ts';
import { addScoreLoss, checkTexts, type ScoredBatch, ScoreTrainer } from './scoreTrainer.ts';

/** The relevances of a product: `[T, N]`. */
export function relevancesOf({ topics, documents, relevances }: Product): Tensor {
  return tensor(relevances).view([topics.length, documents.length]);
}

/**
 * Trains a scorer on the product of a batch, where the documents of others are not relevant. Its sampler gives
 * `BatchwiseRecord`s. A batch is never cut, as parts of it have fewer documents to compare: a GradCacheTrainer saves
 * memory.
 */
export class BatchwiseTrainer extends config(
  import.meta,
  'xpmir.letor.trainers.batchwise.BatchwiseTrainer',
  { lossfn: param(BatchwiseLoss, { default: () => new SoftmaxCrossEntropy(), ignoreDefault: true }) },
  ScoreTrainer<BatchwiseRecord, Tensor>,
) {
  override validate(): void {
    super.validate();
    if (this.batcher.initialize(this.batchSize).recovers)
      throw wrong(
        'batcher',
        'one that cuts no batch, as parts have fewer documents to compare,',
        this.batcher,
      );
  }

  protected override async collate(records: readonly BatchwiseRecord[]): Promise<ScoredBatch<Tensor>> {
    const product = productOf(records);
    const { topics, documents } = product;
    checkTexts(product);
    return { inputs: await this.scorer.collate({ topics, documents }), wanted: relevancesOf(product) };
  }

  protected override trainBatch({ inputs, wanted }: ScoredBatch<Tensor>): void {
    this.addProductLoss(this.scores(inputs).view(wanted.shape), wanted);
  }

  /** @param scores `[T, N]` @param relevances `[T, N]` */
  protected addProductLoss(scores: Tensor, relevances: Tensor): void {
    const value = this.lossfn.compute(scores, relevances, this.scorer.outputType);
    addScoreLoss(this.context, this.lossfn, value, scores);
  }
}
