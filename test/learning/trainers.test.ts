/** Trainers: several at once, a model of one's own, regularisation, what a checkpoint has of them. */
import { describe, expect, test } from '@jest/globals';
import { OutOfMemoryError } from '../../lib/errors.ts';
import { identifier } from '../../lib/experiment/index.ts';
import {
  Batcher,
  Hook,
  InitializationHook,
  type LearnerEvent,
  LossTrainer,
  MultipleTrainer,
  ParameterOptimizer,
  PowerAdaptativeBatcher,
  SGD,
  StepTrainingHook,
  Trainer,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { LineTrainer, Numbers } from './tasks.ts';
import { EXAMPLES, type Example, newDirectory, ToyTrainer, toyLearner, toyModel, toySampler } from './toy.ts';

const QUIET = { progress: false } as const;
const ONE_STEP = { maxEpochs: 1, stepsPerEpoch: 1 };

/** The metrics of each step. */
function recorder() {
  const steps: Record<string, number>[] = [];
  const progress = (event: LearnerEvent) => {
    if (event.type === 'step') steps.push(Object.fromEntries(event.metrics));
  };
  return { steps, progress };
}

/** Adds one loss: the factor times the sum of the weights. */
class SumTrainer extends ToyTrainer {
  factor = 1;
  protected override trainBatch(records: readonly Example[]): void {
    this.seen.push(records);
    this.context.addLoss('sum', this.trainedModel.parameters()[0]!.sum().mul(this.factor));
  }
}

describe('MultipleTrainer', () => {
  test('takes a batch of each, in order, with its own metrics, and makes one step', async () => {
    const first = Object.assign(new SumTrainer({ batchSize: 1 }), { factor: 2 });
    const second = Object.assign(new SumTrainer({ batchSize: 3 }), { factor: 5 });
    const model = toyModel();
    const { steps, progress } = recorder();
    const trainer = new MultipleTrainer({ trainers: { first, second } });
    await toyLearner({ model, trainer, ...ONE_STEP }).run({ progress });
    expect([first.seen, second.seen].map((seen) => seen.map(({ length }) => length))).toEqual([[1], [3]]);
    expect(steps).toEqual([{ 'first/sum': 6, 'second/sum': 15, 'gradient/scheduler/1/1': 1e-3 }]);
    // One step along 2 + 5.
    expect(model.weight.tolist()).toEqual([[1 - 0.007, 2 - 0.007].map(Math.fround)]);
  });

  test('each has its own place in its own data, which a resumed run takes up', async () => {
    const run = async (path: string, maxEpochs: number) => {
      const trainers = { a: new ToyTrainer({ batchSize: 4 }), b: new ToyTrainer({ batchSize: 1 }) };
      const model = toyModel();
      await toyLearner({
        model,
        trainer: new MultipleTrainer({ trainers }),
        maxEpochs,
        stepsPerEpoch: 3,
      }).run({
        path,
        ...QUIET,
      });
      return { a: trainers.a.seen, b: trainers.b.seen, weight: model.weight.tolist() };
    };
    const whole = await run(newDirectory(), 3);
    expect(whole.b.flat().slice(0, 4)).not.toEqual(whole.a[0]);
    const path = newDirectory();
    const [first, second] = [await run(path, 1), await run(path, 3)];
    expect([...first.a, ...second.a]).toEqual(whole.a);
    expect([...first.b, ...second.b]).toEqual(whole.b);
    expect(second.weight).toEqual(whole.weight);
  });

  test('memory that runs out in one makes the step of all again', async () => {
    class Small extends ToyTrainer {
      protected override trainBatch(records: readonly Example[]): void {
        super.trainBatch(records);
        if (records.length > 2)
          throw new OutOfMemoryError('out of memory', { code: 'ERR_OUT_OF_MEMORY', op: 'x' });
      }
    }
    const a = new ToyTrainer({ batchSize: 2 });
    const b = new Small({ batchSize: 4, batcher: new PowerAdaptativeBatcher() });
    const { steps, progress } = recorder();
    await toyLearner({ trainer: new MultipleTrainer({ trainers: { a, b } }), ...ONE_STEP }).run({ progress });
    expect(a.seen).toHaveLength(2);
    expect(a.seen[1]).toEqual(a.seen[0]);
    expect(b.seen.map(({ length }) => length)).toEqual([4, 2, 2]);
    expect(steps).toHaveLength(1);
  });

  test('begins, moves and closes each of them, and refuses the state of others', async () => {
    const calls: string[] = [];
    class Noting extends ToyTrainer {
      override to(device: string): void {
        calls.push(`to ${device}`);
      }
      override close(): void {
        calls.push('close');
      }
    }
    const trainer = new MultipleTrainer({ trainers: { only: new Noting() } });
    await toyLearner({ trainer, ...ONE_STEP }).run(QUIET);
    expect(calls).toEqual(['to cpu', 'close']);
    expect(() => trainer.loadStateDict({ other: {} })).toThrow(
      'Expected the state of trainer only for state',
    );
    await expect(toyLearner({ trainer: new MultipleTrainer({ trainers: {} }) }).run(QUIET)).rejects.toThrow(
      'learner.trainer.trainers: expected at least one trainer',
    );
  });
});

describe('Trainer', () => {
  test('trains a model of its own in place of that of the learner', async () => {
    const [model, own] = [toyModel(), toyModel()];
    const inside = new (class extends Linear {
      readonly part = own;
    })(2, 1, { bias: false });
    const trainer = new ToyTrainer({ model: own });
    await toyLearner({ model: inside, trainer, ...ONE_STEP }).run(QUIET);
    expect(own.weight.tolist()).not.toEqual(toyModel().weight.tolist());
    expect(model.weight.tolist()).toEqual(toyModel().weight.tolist());
  });

  test('its hooks join those of the learner when it begins', async () => {
    const calls: string[] = [];
    class Noting extends InitializationHook {
      override before = () => void calls.push('before');
      override after = () => void calls.push('after');
    }
    await toyLearner({ trainer: new ToyTrainer({ hooks: [new Noting()] }), ...ONE_STEP }).run(QUIET);
    expect(calls).toEqual(['after']);
  });

  test('has no context before a run', () => {
    const trainer = new ToyTrainer();
    expect(() => trainer.iterBatches()).toThrow('trainer: expected a run that has begun');
    expect(() => trainer.stateDict()).toThrow('trainer: expected a run that has begun');
  });
});

describe('regularisation', () => {
  /** A family of hooks that a model asks. */
  abstract class Penalty extends Hook {
    abstract add(context: TrainerContext, weight: Tensor): void;
  }
  class L1 extends Penalty {
    override add(context: TrainerContext, weight: Tensor): void {
      context.addLoss('l1', weight.abs().sum(), 0.5);
      context.addMetric('nonzero', weight.countNonzero().item() as number);
    }
  }

  test('losses and metrics are added in the forward of a model, by hooks that it finds by their class', async () => {
    class Penalised extends SumTrainer {
      protected override trainBatch(records: readonly Example[]): void {
        super.trainBatch(records);
        for (const hook of this.context.hooks(Penalty))
          hook.add(this.context, this.trainedModel.parameters()[0]!);
      }
    }
    const model = toyModel();
    const { steps, progress } = recorder();
    await toyLearner({ model, trainer: new Penalised(), hooks: [new L1()], ...ONE_STEP }).run({ progress });
    expect(steps).toEqual([{ sum: 3, l1: 3, nonzero: 2, 'l1+sum': 4.5, 'gradient/scheduler/1/1': 1e-3 }]);
    expect(model.weight.tolist()).toEqual([[1 - 0.0015, 2 - 0.0015].map(Math.fround)]);
  });

  test('with parts, each adds its own, and the sum is weighted as any loss', async () => {
    class Cut extends PowerAdaptativeBatcher {
      override initialize(batchSize: number) {
        const worker = super.initialize(batchSize);
        worker.loadStateDict({ size: 2 });
        return worker;
      }
    }
    const model = toyModel();
    await toyLearner({
      model,
      trainer: new SumTrainer({ batchSize: 6, batcher: new Cut() }),
      ...ONE_STEP,
    }).run(QUIET);
    const whole = toyModel();
    await toyLearner({ model: whole, trainer: new SumTrainer({ batchSize: 6 }), ...ONE_STEP }).run(QUIET);
    const [a, b] = [model, whole].map(({ weight }) => Array.from(weight.toTypedArray() as Float32Array));
    for (const [i, value] of a!.entries()) expect(value).toBeCloseTo(b![i]!, 6);
  });
});

describe('LossTrainer', () => {
  test('a resumed run has the size that the batcher had come to', async () => {
    class Small extends ToyTrainer {
      protected override trainBatch(records: readonly Example[]): void {
        super.trainBatch(records);
        if (records.length > 3)
          throw new OutOfMemoryError('out of memory', { code: 'ERR_OUT_OF_MEMORY', op: 'x' });
      }
    }
    const path = newDirectory();
    const sizes: number[][] = [];
    for (const maxEpochs of [1, 2]) {
      const trainer = new Small({ batchSize: 6, batcher: new PowerAdaptativeBatcher() });
      await toyLearner({ trainer, maxEpochs, stepsPerEpoch: 1 }).run({ path, ...QUIET });
      sizes.push(trainer.seen.map(({ length }) => length));
    }
    expect(sizes).toEqual([
      [6, 3, 3],
      [3, 3],
    ]);
  });

  test.each<[object, string]>([
    [{ batchSize: 0 }, 'learner.trainer.batchSize: expected a positive integer, received 0'],
    [{ prefetch: -1 }, 'learner.trainer.prefetch: expected an integer of at least 0, received -1'],
  ])('%j is refused before anything runs', async (values, message) => {
    await expect(toyLearner({ trainer: new ToyTrainer(values) }).run(QUIET)).rejects.toThrow(message);
  });

  test('prefetching needs a declared sampler', async () => {
    await expect(toyLearner({ trainer: new ToyTrainer({ prefetch: 2 }) }).run(QUIET)).rejects.toThrow(
      'sampler: expected a configuration that a job can make again, received ShuffledSampler',
    );
  });

  test('its identity has what changes the result, and not how it is computed', () => {
    const sampler = new Numbers({ count: 7 });
    const id = (values: object) => identifier(new LineTrainer({ sampler, ...values }));
    const same = id({});
    expect(
      id({ prefetch: 10, batchSize: 16, sumMicrobatches: false, batcher: new Batcher(), hooks: [] }),
    ).toBe(same);
    for (const values of [
      { batchSize: 17 },
      { sumMicrobatches: true },
      { batcher: new PowerAdaptativeBatcher() },
    ])
      expect(id(values)).not.toBe(same);
  });
});

describe("a trainer of one's own", () => {
  test('gives batches that may have to be waited for, and steps begin from zero gradients', async () => {
    class Slow extends Trainer<number> {
      #next = 0;
      readonly gradients: number[] = [];
      iterBatches() {
        return {
          next: async () => {
            await new Promise((resolve) => setTimeout(resolve, 1));
            return { done: false, value: this.#next++ } as const;
          },
        };
      }
      async processBatch(batch: number): Promise<void> {
        const weight = (this.trainedModel as Linear).weight;
        weight.mul(tensor(batch)).sum().backward();
        this.gradients.push(Number(weight.grad!.at(0, 0).item()));
      }
      stateDict = () => this.#next;
      loadStateDict(state: unknown): void {
        this.#next = state as number;
      }
    }
    const trainer = new Slow();
    let counted = 0;
    class Counting extends StepTrainingHook {
      override after({ state }: TrainerContext): void {
        counted = state.steps;
      }
    }
    await toyLearner({ trainer, hooks: [new Counting()], maxEpochs: 2, stepsPerEpoch: 2 }).run(QUIET);
    expect(trainer.gradients).toEqual([0, 1, 2, 3]);
    expect(counted).toBe(4);
  });

  test('batches that end are an error, not an undefined batch', async () => {
    class Ending extends SumTrainer {
      override iterBatches() {
        return { next: () => ({ done: true, value: undefined }) as const };
      }
    }
    await expect(toyLearner({ trainer: new Ending() }).run(QUIET)).rejects.toThrow(
      'Expected batches without an end',
    );
    const trainer = new MultipleTrainer({ trainers: { x: new Ending() } });
    await expect(toyLearner({ trainer }).run(QUIET)).rejects.toThrow(
      'Expected batches without an end for trainers["x"]',
    );
  });
});

test('the class of a generic trainer keeps its parameters and the type of its records', () => {
  class Typed extends LossTrainer<Example> {
    protected override trainBatch(records: readonly Example[]): void {
      this.context.addLoss('y', F.zeros([]).add(records[0]!.y));
    }
  }
  const trainer = new Typed({ sampler: toySampler(EXAMPLES), hooks: [], batchSize: 3 });
  const { batchSize }: { readonly batchSize: number } = trainer;
  expect(batchSize).toBe(3);
});

describe('what is trained', () => {
  test('belongs to the model of the learner, or nothing would save it', async () => {
    const outside = toyModel();
    const optimizers = [
      new ParameterOptimizer({ optimizer: new SGD() }),
      new ParameterOptimizer({ optimizer: new SGD(), module: outside }),
    ];
    await expect(toyLearner({ optimizers }).run(QUIET)).rejects.toThrow(
      'learner.optimizers[1].module: expected a part of learner.model, which does not have weight: make learner.model a ModuleList',
    );
  });

  test('is named where no optimizer can reach it', async () => {
    const warnings: string[] = [];
    const trainer = new ToyTrainer({ model: toyModel() });
    await toyLearner({ trainer, ...ONE_STEP }).run({
      progress: (event) => {
        if (event.type === 'warning') warnings.push(event.message);
      },
    });
    expect(warnings).toEqual([
      'parameters of trainer.model are not in learner.model and are not trained: weight',
    ]);
  });

  test.each<[string, (sum: Tensor) => Tensor]>([
    ['without a graph', (sum) => sum.detach()],
    ['of numbers', () => tensor(1)],
  ])('a loss %s says what to look for', async (_, lossOf) => {
    class Cut extends ToyTrainer {
      protected override trainBatch(): void {
        this.context.addLoss('cut', lossOf(this.trainedModel.parameters()[0]!.sum()));
      }
    }
    await expect(toyLearner({ trainer: new Cut() }).run(QUIET)).rejects.toThrow(
      'trainer.trainBatch: expected a loss that depends on a parameter being trained, received cut without gradients',
    );
  });

  test('a weight is finite', async () => {
    class Weighted extends ToyTrainer {
      protected override trainBatch(): void {
        this.context.addLoss('sum', this.trainedModel.parameters()[0]!.sum(), Number.NaN);
      }
    }
    await expect(toyLearner({ trainer: new Weighted() }).run(QUIET)).rejects.toThrow(
      'Expected a finite number for weight of loss sum but received NaN',
    );
  });
});
