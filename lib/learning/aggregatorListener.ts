/**
 * Validation by several listeners at once.
 */
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import type { Dep } from '../experiment/task.ts';
import { bool, list, string } from '../experiment/types.ts';
import type { Module } from '../torch/nn/module.ts';
import type { TrainerContext } from './context.ts';
import type { LearnerListener, LearnerListenerStatus, ListenerOutput } from './listener.ts';
import { type Measured, type MonitoredMetric, MonitoringListener } from './monitoring.ts';
import type { TrainState } from './state.ts';

/**
 * Watches the mean of what several listeners measured in the same epoch, over listeners and metrics: the values of now,
 * not their best ones. It has its listeners measure, and alone decides when to stop. Beside `mean`, of which the best model
 * is kept, it tells the mean of each metric over the listeners.
 */
export class AggregatorValidationListener extends config(
  import.meta,
  'xpmir.letor.learner.AggregatorValidationListener',
  {
    /** Called by this one; they do not belong into the learner's list too. */
    listeners: param(list(MonitoringListener)),
    /** What each of the listeners measures. */
    metrics: param(list(string)),
    higherIsBetter: param(bool, { default: true, ignoreDefault: true }),
  },
  MonitoringListener,
) {
  override validate(): void {
    super.validate();
    if (this.listeners.length === 0) throw wrong('listeners', 'at least one listener', this.listeners);
    if (this.metrics.length === 0) throw wrong('metrics', 'at least one metric', this.metrics);
    for (const [i, { validationInterval, earlyStop }] of this.listeners.entries()) {
      const at = `listeners[${i}]`;
      if (this.validationInterval % validationInterval !== 0)
        throw wrong(
          `${at}.validationInterval`,
          `a divisor of ${this.validationInterval}`,
          validationInterval,
        );
      if (earlyStop !== 0)
        throw wrong(`${at}.earlyStop`, '0, as its values are needed to the end', earlyStop);
    }
  }

  override members(): readonly LearnerListener[] {
    return [this, ...this.listeners.flatMap((listener) => listener.members())];
  }

  override async initialize(context: TrainerContext): Promise<void> {
    await super.initialize(context);
    for (const listener of this.listeners) await listener.initialize(context);
  }

  override async afterEpoch(state: TrainState): Promise<LearnerListenerStatus> {
    for (const listener of this.listeners) await listener.afterEpoch(state);
    return super.afterEpoch(state);
  }

  override updateMetrics(metrics: Map<string, number>): void {
    for (const listener of this.listeners) listener.updateMetrics(metrics);
    super.updateMetrics(metrics);
  }

  /** `mean`, and under `<id>/<metric>` what its listeners keep. */
  override initTask(learner: { readonly model: Module }, dep: Dep): ListenerOutput {
    const theirs = this.listeners.flatMap((listener) =>
      Object.entries(listener.initTask(learner, dep)).map(([name, loader]) => [
        `${listener.id}/${name}`,
        loader,
      ]),
    );
    return { ...super.initTask(learner, dep), ...Object.fromEntries(theirs) };
  }

  protected override monitored(): ReadonlyMap<string, MonitoredMetric> {
    return new Map([['mean', { keep: true, higherIsBetter: this.higherIsBetter }]]);
  }

  protected override async measure(): Promise<ReadonlyMap<string, Measured>> {
    const means = this.metrics.map((name): [string, Measured] => {
      const values = this.listeners.map((listener) => this.#valueOf(listener, name));
      return [name, { mean: meanOf(values), values }];
    });
    return new Map([...means, ['mean', { mean: meanOf(means.map(([, { mean }]) => mean)) }]]);
  }

  #valueOf({ id, current }: MonitoringListener, name: string): number {
    const value = current.get(name);
    if (value !== undefined) return value;
    throw wrong(
      `listener ${this.id}`,
      `a metric that ${id} measures (${[...current.keys()].join(', ')})`,
      name,
    );
  }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
