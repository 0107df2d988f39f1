import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  Device,
  GradientClippingHook,
  Learner,
  ParameterOptimizer,
  Random,
  RegexParameterFilter,
  SGD,
  StepTrainingHook,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { memory } from '../../lib/torch/scope.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { type Example, ToyTrainer, toyLearner, toyModel, toyOptimizers, toySampler } from './toy.ts';

beforeAll(() => setNumThreads(1));

describe('Learner', () => {
  test('has the defaults of its page', () => {
    const learner = new Learner({
      random: new Random(),
      model: toyModel(),
      trainer: new ToyTrainer(),
      optimizers: toyOptimizers,
      listeners: [],
    });
    expect(learner).toMatchObject({
      maxEpochs: 1000,
      stepsPerEpoch: 128,
      useFp16: false,
      checkpointInterval: 1,
      hooks: [],
      usePretasks: false,
    });
    expect(learner.device.constructor).toBe(Device);
    expect(learner.random.seed).toBe(0);
  });

  test('makes the steps that plain code would make', async () => {
    const one: Example = { x: [1, 2], y: 3 };
    const model = toyModel();
    const trainer = new ToyTrainer({ sampler: toySampler([one]), batchSize: 1 });
    await toyLearner({ model, trainer, maxEpochs: 1, stepsPerEpoch: 1 }).run({ progress: false });
    // w·x = 5, gradient 2 (5 − 3) x = [4, 8], rate 1e-3.
    expect(Array.from(model.weight.toTypedArray() as Float32Array)).toEqual(
      [1 - 0.004, 2 - 0.008].map(Math.fround),
    );
  });

  test('the same seed gives the same batches and weights, another seed others', async () => {
    const run = async (seed: number) => {
      const model = toyModel();
      const trainer = new ToyTrainer();
      await toyLearner({ model, trainer, random: new Random({ seed }) }).run({ progress: false });
      return JSON.stringify([trainer.seen, model.weight.tolist()]);
    };
    expect(await run(3)).toBe(await run(3));
    expect(await run(3)).not.toBe(await run(4));
  });

  test('leaves no tensor behind', async () => {
    const learner = toyLearner({ hooks: [new GradientClippingHook({ maxNorm: 1 })], stepsPerEpoch: 50 });
    await learner.run({ progress: false });
    for (const parameter of learner.model.parameters()) parameter.grad = null;
    const before = memory().tensors;
    await learner.run({ progress: false });
    for (const parameter of learner.model.parameters()) parameter.grad = null;
    expect(memory().tensors).toBe(before);
  });

  test('clips all gradients together', async () => {
    const norms: number[] = [];
    class Norms extends StepTrainingHook {
      override after({ model }: TrainerContext): void {
        norms.push(model.parameters()[0]!.grad!.norm().item() as number);
      }
    }
    const hooks = [new GradientClippingHook({ maxNorm: 0.5 }), new Norms()];
    await toyLearner({ hooks, maxEpochs: 1 }).run({ progress: false });
    for (const norm of norms) expect(norm).toBeCloseTo(0.5, 4);
  });

  test('names the parameters that have no optimizer', async () => {
    const messages: string[] = [];
    const model = new Linear(2, 1);
    const filter = new RegexParameterFilter({ includes: ['weight'] });
    const optimizers = [new ParameterOptimizer({ optimizer: new SGD(), filter })];
    await toyLearner({ model, optimizers }).run({
      progress: (event) => {
        if (event.type === 'warning') messages.push(event.message);
      },
    });
    expect(messages).toEqual(['1 parameters have no optimizer and are not trained: bias']);
  });

  test('refuses a loss that is no scalar, and none at all', async () => {
    class Wide extends ToyTrainer {
      protected override trainBatch(): void {
        this.context.addLoss('wide', this.trainedModel.parameters()[0]!);
      }
    }
    class None extends ToyTrainer {
      protected override trainBatch(): void {}
    }
    await expect(toyLearner({ trainer: new Wide() }).run({ progress: false })).rejects.toThrow(
      'Expected a scalar for loss wide but received a tensor of shape [1, 2]',
    );
    await expect(toyLearner({ trainer: new None() }).run({ progress: false })).rejects.toThrow(
      'expected at least one loss',
    );
  });

  test('several losses are summed with their weights, and reported with their sum', async () => {
    class Two extends ToyTrainer {
      protected override trainBatch(): void {
        const [weight] = this.trainedModel.parameters();
        this.context.addLoss('b', weight!.sum());
        this.context.addLoss('a', weight!.square().sum(), 0.5);
      }
    }
    const model = toyModel();
    let metrics: ReadonlyMap<string, number> = new Map();
    await toyLearner({ model, trainer: new Two(), maxEpochs: 1, stepsPerEpoch: 1 }).run({
      progress: (event) => {
        if (event.type === 'step') metrics = event.metrics;
      },
    });
    expect(Object.fromEntries(metrics)).toEqual({ b: 3, a: 5, 'a+b': 5.5, 'gradient/scheduler/1/1': 1e-3 });
    // The gradient is 1 + 0.5 · 2 w.
    expect(Array.from(model.weight.toTypedArray() as Float32Array)).toEqual(
      [1 - 0.002, 2 - 0.003].map(Math.fround),
    );
  });
});

describe('parameters', () => {
  const refused = (values: Record<string, unknown>) => () => toyLearner(values as never);

  test.each<[Record<string, unknown>, string]>([
    [{ optimizers: new SGD() }, 'learner.optimizers: expected an array, received an object (SGD)'],
    [
      { optimizers: [new SGD()] },
      'learner.optimizers[0]: expected a ParameterOptimizer, received an object (SGD)',
    ],
    [{ maxEpochs: '10' }, 'learner.maxEpochs: expected an integer, received "10"'],
    [{ stepsPerEpoch: 1.5 }, 'learner.stepsPerEpoch: expected an integer, received 1.5'],
    [{ model: {} }, 'learner.model: expected a Module, received an object (Object)'],
    [{ trainer: undefined }, 'learner.trainer: expected a Trainer, but it was not given'],
    [{ hooks: [{}] }, 'learner.hooks[0]: expected a Hook, received an object (Object)'],
    [{ maxEpoch: 10 }, 'learner.maxEpoch: no such parameter, did you mean maxEpochs?'],
    [{ logpath: '/here' }, 'learner.logpath: cannot be given, as it is a generated path'],
  ])('%p', (values, message) => {
    expect(refused(values)).toThrow(message);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ optimizers: [] }, 'learner.optimizers: expected at least one ParameterOptimizer, received []'],
    [{ maxEpochs: 0 }, 'learner.maxEpochs: expected a positive integer, received 0'],
    [{ checkpointInterval: 0 }, 'learner.checkpointInterval: expected a positive integer, received 0'],
    [
      { optimizers: [new ParameterOptimizer({ optimizer: new SGD({ lr: -1 }) })] },
      'learner.optimizers[0].optimizer.lr: expected a number of at least 0, received -1',
    ],
    [
      { trainer: new ToyTrainer({ batchSize: 0 }) },
      'learner.trainer.batchSize: expected a positive integer, received 0',
    ],
  ])('are validated together, with their place: %p', async (values, message) => {
    await expect(toyLearner(values).run({ progress: false })).rejects.toThrow(message);
  });

  test('a sampler is needed', () => {
    expect(() => new ToyTrainer({ sampler: undefined as never })).toThrow(
      'toyTrainer.sampler: expected a Sampler, but it was not given',
    );
    expect(() => toySampler([])).toThrow(
      'shuffledSampler.items: expected an array of at least one item, received []',
    );
  });
});
