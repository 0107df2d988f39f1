import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  getOptimizers,
  Learner,
  LossTrainer,
  Random,
  SGD,
  ShuffledSampler,
} from '../../lib/learning/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { tidy } from '../../lib/torch/scope.ts';

/** y = 0, weight [1, 2], no bias. */
export function toyModel(): Linear {
  const model = new Linear(2, 1, { bias: false });
  tidy(() => noGrad(() => model.weight.copy_(tensor([[1, 2]]))));
  return model;
}

export interface Example {
  readonly x: readonly [number, number];
  readonly y: number;
}

export const EXAMPLES: readonly Example[] = Array.from({ length: 6 }, (_, i) => ({
  x: [i, 1],
  y: 3 * i - 1,
}));

export function toySampler(items: readonly Example[] = EXAMPLES): ShuffledSampler<Example> {
  return new ShuffledSampler({ items });
}

/** Least squares; notes the batches that it saw. */
export class ToyTrainer extends LossTrainer<Example> {
  readonly seen: (readonly Example[])[] = [];

  constructor(options: Partial<ConstructorParameters<typeof LossTrainer<Example>>[0]> = {}) {
    super({ sampler: toySampler(), batchSize: 2, ...options });
  }

  protected override trainBatch(records: readonly Example[]): void {
    this.seen.push(records);
    const x = tensor(records.map((each) => [...each.x]));
    const y = tensor(records.map((each) => [each.y]));
    this.context.addLoss('mse', F.mseLoss((this.trainedModel as Linear).forward(x), y));
  }
}

export const toyOptimizers = getOptimizers(new SGD({ lr: 1e-3 }));

type LearnerValues = ConstructorParameters<typeof Learner>[0];

/** Three epochs of two steps. */
export function toyLearner(values: Partial<LearnerValues> = {}): Learner {
  return new Learner({
    random: new Random(),
    trainer: new ToyTrainer(),
    optimizers: toyOptimizers,
    listeners: [],
    maxEpochs: 3,
    stepsPerEpoch: 2,
    ...values,
    model: values.model ?? toyModel(),
  });
}

export function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'xpmir-learning-'));
}
