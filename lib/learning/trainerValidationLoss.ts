/**
 * Validation by the loss of a trainer.
 */
import { setImmediate as macrotask } from 'node:timers/promises';
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { int } from '../experiment/types.ts';
import { Batcher } from './batchers.ts';
import type { Loss, TrainerContext } from './context.ts';
import { evaluating } from './evaluating.ts';
import { LossTrainer, totalLoss } from './lossTrainer.ts';
import { Metrics } from './metrics.ts';
import { type Measured, type MonitoredMetric, MonitoringListener } from './monitoring.ts';
import { RandomState } from './random.ts';
import { Sampler } from './sampler.ts';

/**
 * Keeps the model with the lowest loss over one pass of other data. `loss` is Σ weight · value as in training, a mean over
 * the records; beside it are told `loss/<name>` of each loss, and the metrics that the trainer adds.
 */
export class TrainerValidationLoss extends config(
  import.meta,
  'xpmir.learning.trainers.validation.TrainerValidationLoss',
  {
    /** What the loss is measured on; its pass must have an end. It begins from the same seed each time. */
    data: param(Sampler),
    batcher: param(Batcher, { default: () => new Batcher(), ignoreDefault: true }),
    /** Records in a batch. */
    batchSize: param(int),
    /** Computes the losses: that of the learner, or another one, of whose hooks only those for a model matter. */
    trainer: param(LossTrainer),
  },
  MonitoringListener,
) {
  override validate(): void {
    super.validate();
    if (this.batchSize < 1) throw wrong('batchSize', 'a positive integer', this.batchSize);
  }

  override async initialize(context: TrainerContext): Promise<void> {
    await super.initialize(context);
    this.trainer.attach(context);
  }

  protected override monitored(): ReadonlyMap<string, MonitoredMetric> {
    return new Map([['loss', { keep: true, higherIsBetter: false }]]);
  }

  protected override async measure(context: TrainerContext): Promise<ReadonlyMap<string, Measured>> {
    const { trainer } = this;
    trainer.to(context.device);
    const models = trainer.model === undefined ? [context.model] : [context.model, trainer.model];
    const metrics = await evaluating(models, () => this.#measureAll(context));
    return new Map([...metrics.means()].map(([name, mean]) => [name, { mean }]));
  }

  async #measureAll(context: TrainerContext): Promise<Metrics> {
    const metrics = new Metrics();
    const batches = this.data.batches(RandomState.fromSeed(0), this.batchSize);
    const worker = this.batcher.initialize(this.batchSize);
    try {
      for await (const batch of batches) {
        // The event loop has its turn between batches, as between steps.
        await macrotask();
        await worker.process(batch, async (part) => metrics.merge(await this.#measurePart(context, part)));
      }
    } finally {
      await batches.close();
    }
    return metrics;
  }

  async #measurePart(context: TrainerContext, records: readonly unknown[]): Promise<Metrics> {
    let losses: readonly Loss[] = [];
    const metrics = await context.step(async () => {
      losses = await this.trainer.lossesOf(records);
    });
    for (const { name, value } of losses) metrics.add(`loss/${name}`, Number(value.item()), records.length);
    metrics.add('loss', Number(totalLoss(losses).item()), records.length);
    return metrics;
  }
}
