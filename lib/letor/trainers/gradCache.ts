/**
 * Training on the product of large batches in the memory of small ones.
 */
import { expected } from '../../errors.ts';
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { int } from '../../experiment/types.ts';
import type { MaybePromise } from '../../learning/iterators.ts';
import { checkGradient, reportLosses, totalLoss } from '../../learning/lossTrainer.ts';
import { placed } from '../../learning/tensorParts.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { DualScorer } from '../dual.ts';
import { cacheGradients, type EncodePart } from '../gradCache.ts';
import { productOf } from '../product.ts';
import type { BatchwiseRecord } from '../records.ts';
import { BatchwiseTrainer, relevancesOf } from './batchwise.ts';
import { checkTexts, widened } from './scoreTrainer.ts';

/**
 * A BatchwiseTrainer of dual scorers that encodes `miniBatchSize` topics, or documents, at a time, and compares all of
 * them (GradCache). Loss and gradients are to the bit those of one graph over the same parts, dropout included. Those of a
 * batch that is encoded in one piece, as a BatchwiseTrainer does, differ by the order of sums, by the padding, which is to the
 * longest text of a part, and with dropout by what is drawn: layers draw part after part, not one after the other.
 *
 * Every vector is computed twice, and steps are not compiled. A model whose state changes when it encodes, such as batch
 * normalisation, sees everything twice.
 */
export class GradCacheTrainer extends config(
  import.meta,
  'xpmir.letor.trainers.batchwise.GradCacheTrainer',
  {
    /** Topics, or documents, encoded at once; the smaller, the less memory. It changes rounding, and the draws of dropout. */
    miniBatchSize: param(int, { default: 32, ignoreDefault: true }),
  },
  BatchwiseTrainer,
) {
  override validate(): void {
    super.validate();
    if (this.miniBatchSize < 1) throw wrong('miniBatchSize', 'a positive integer', this.miniBatchSize);
  }

  /** The backward is its own, which a compiled step has no place for. */
  override async parts(): Promise<undefined> {
    return undefined;
  }

  override async processBatch(records: readonly BatchwiseRecord[]): Promise<void> {
    const { context } = this;
    const scorer = this.#dualScorer();
    const product = productOf(records);
    checkTexts(product);
    const topics = await this.#partsOf(
      product.topics,
      (part) => scorer.collateTopics(part),
      (inputs) => scorer.encodeTopics(inputs),
    );
    const documents = await this.#partsOf(
      product.documents,
      (part) => scorer.collateDocuments(part),
      (inputs) => scorer.encodeDocuments(inputs),
    );
    const relevances = this.#placed(relevancesOf(product));
    context.addSamples(records.length);
    const learn = ([t, d]: readonly Tensor[]) => {
      const { losses, metrics } = context.collect(() => {
        this.tell(t as Tensor, d as Tensor);
        this.addProductLoss(widened(scorer.scoreProduct(t as Tensor, d as Tensor)), relevances);
      });
      const total = totalLoss(losses);
      for (const { key, value, count } of metrics) context.addMetric(key, value, count);
      reportLosses(context, losses, { total, count: records.length });
      checkGradient(losses, total);
      context.optimizer.scale(total).backward();
    };
    cacheGradients([topics, documents], learn, context.device);
  }

  /** Tensors of each part, and what encodes them. */
  async #partsOf<R, I>(
    records: readonly R[],
    collate: (part: readonly R[]) => MaybePromise<I>,
    encode: (inputs: I) => Tensor,
  ): Promise<EncodePart[]> {
    const parts: EncodePart[] = [];
    for (let at = 0; at < records.length; at += this.miniBatchSize) {
      const inputs = this.#placed(await collate(records.slice(at, at + this.miniBatchSize)));
      parts.push(() => encode(inputs));
    }
    return parts;
  }

  #placed<T>(value: T): T {
    const { device, dtype } = this.context;
    return placed(value, { device, dtype, born: new Set(), upload: undefined }).tensors as T;
  }

  #dualScorer(): DualScorer {
    const { scorer } = this;
    if (scorer instanceof DualScorer) return scorer;
    throw expected('a DualScorer', 'the model of GradCacheTrainer', scorer);
  }
}
