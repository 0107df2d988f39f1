/**
 * Validation after epochs, with whatever measures a model item by item.
 */
import { ArgumentError } from '../errors.ts';
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { bool, dict, list, string } from '../experiment/types.ts';
import type { TrainerContext } from './context.ts';
import { evaluating } from './evaluating.ts';
import { type Measured, type MonitoredMetric, MonitoringListener } from './monitoring.ts';

/** Values of each metric by item, such as RR@10 by topic. */
export type MetricsPerItem = ReadonlyMap<string, ReadonlyMap<unknown, number>>;

/** Measures a model; called in evaluation mode, without gradients, and inside a scope that frees its tensors. */
export abstract class Evaluator extends config(import.meta, 'xpmir.learning.validation.Evaluator', {}) {
  abstract evaluate(context: TrainerContext): MetricsPerItem | Promise<MetricsPerItem>;
}

/** Means of metrics over items, the best model of each, early stopping. */
export class ValidationListener extends config(
  import.meta,
  'xpmir.learning.validation.ValidationListener',
  {
    evaluator: param(Evaluator),
    /** What to look at: `true` keeps the best model by it, `false` only tells it. */
    metrics: param(dict(bool), { default: { map: true }, ignoreDefault: true }),
    /** Those of the metrics of which the lowest value is the best. */
    lowerIsBetter: param(list(string), { default: [], ignoreDefault: true }),
  },
  MonitoringListener,
) {
  override validate(): void {
    super.validate();
    if (Object.keys(this.metrics).length === 0) throw wrong('metrics', 'at least one metric', this.metrics);
    for (const [i, name] of this.lowerIsBetter.entries()) {
      if (!Object.hasOwn(this.metrics, name))
        throw wrong(`lowerIsBetter[${i}]`, `one of ${Object.keys(this.metrics).join(', ')}`, name);
    }
  }

  protected override monitored(): ReadonlyMap<string, MonitoredMetric> {
    const rules = Object.entries(this.metrics).map(
      ([name, keep]) => [name, { keep, higherIsBetter: !this.lowerIsBetter.includes(name) }] as const,
    );
    return new Map(rules);
  }

  protected override async measure(context: TrainerContext): Promise<ReadonlyMap<string, Measured>> {
    const given = await evaluating([context.model], () => this.evaluator.evaluate(context));
    return new Map(Object.keys(this.metrics).map((name) => [name, this.#mean(given, name)]));
  }

  #mean(given: MetricsPerItem, name: string): Measured {
    const values = [...(given.get(name)?.values() ?? [])];
    if (values.length === 0) {
      const names = [...given.keys()].join(', ') || 'nothing';
      throw new ArgumentError(
        `listener ${this.id}: expected values of ${name} from its evaluator, received ${names}`,
      );
    }
    return { mean: values.reduce((sum, value) => sum + value, 0) / values.length, values };
  }
}
