/** Declared parts of a learner, for tests in which a job makes them again. */
import { writeFileSync } from 'node:fs';
import { config, int, meta, param, path, task } from '../../lib/experiment/index.ts';
import {
  Evaluator,
  LossTrainer,
  type MetricsPerItem,
  Module,
  type ModuleInitOptions,
  type RandomState,
  Sampler,
  type SerializableIterator,
  ShuffledIterator,
  StepTrainingHook,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';

export class Line extends config(
  import.meta,
  'test.learning.Line',
  { from: param(int, { default: 0, ignoreDefault: true }) },
  Module,
) {
  readonly linear = new Linear(1, 1);

  protected override build({ mode }: ModuleInitOptions): void {
    if (mode === 'none') return;
    noGrad(() => {
      this.linear.weight.fill_(this.from);
      this.linear.bias!.fill_(this.from);
    });
  }

  forward(x: Tensor): Tensor {
    return this.linear.forward(x);
  }
}

/** Draws its weights where it is made. */
export class Drawn extends config(import.meta, 'test.learning.Drawn', {}, Module) {
  readonly linear = new Linear(1, 1);

  forward(x: Tensor): Tensor {
    return this.linear.forward(x);
  }
}

export class Numbers extends config(
  import.meta,
  'test.learning.Numbers',
  { count: param(int) },
  Sampler<number>,
) {
  iterate(random: RandomState): SerializableIterator<number> {
    const numbers = Array.from({ length: this.count }, (_, i) => i / this.count);
    return new ShuffledIterator(numbers, random.fork());
  }
}

/** y = 2 x - 1. */
export class LineTrainer extends config(import.meta, 'test.learning.LineTrainer', {}, LossTrainer<number>) {
  protected override trainBatch(records: readonly number[]): void {
    const x = tensor(records.map((each) => [each]));
    const y = tensor(records.map((each) => [2 * each - 1]));
    this.context.addLoss('mse', F.mseLoss((this.trainedModel as Line).forward(x), y));
  }
}

/** `early` is best in the first epoch, `late` in the last. */
export class ByEpoch extends config(import.meta, 'test.learning.ByEpoch', { model: param(Line) }, Evaluator) {
  evaluate({ state }: TrainerContext): MetricsPerItem {
    return new Map([
      ['early', new Map([['a', -state.epoch]])],
      ['late', new Map([['a', state.epoch]])],
    ]);
  }
}

/** Writes the weights of a model, which init tasks or pretasks have loaded. */
export class Weigh extends task(import.meta, 'test.learning.Weigh', {
  model: param(Line),
  result: path('weights.json'),
}) {
  override execute(): void {
    const { weight, bias } = this.model.linear;
    writeFileSync(this.result, JSON.stringify([weight.tolist(), bias!.tolist()]));
  }
}

/** Takes its time, so that a test can cancel the run. */
export class Slow extends config(
  import.meta,
  'test.learning.Slow',
  { milliseconds: meta(int) },
  StepTrainingHook,
) {
  override async after(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.milliseconds));
  }
}
