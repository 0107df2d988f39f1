import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  GradientClippingHook,
  Learner,
  type LearnerOptions,
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
import { type Example, newDirectory, ToyTrainer, toyModel, toyOptimizers, toySampler } from './toy.ts';

beforeAll(() => setNumThreads(1));

function options(more: Partial<LearnerOptions> = {}): LearnerOptions {
  return {
    model: toyModel(),
    trainer: new ToyTrainer(),
    optimizers: toyOptimizers,
    maxEpochs: 3,
    stepsPerEpoch: 2,
    progress: false,
    ...more,
  };
}

describe('Learner', () => {
  test('has the defaults of its page', () => {
    const learner = new Learner({ model: toyModel(), trainer: new ToyTrainer(), optimizers: toyOptimizers });
    expect(learner).toMatchObject({
      maxEpochs: 1000,
      stepsPerEpoch: 128,
      checkpointInterval: 1,
      device: 'cpu',
      listeners: [],
      hooks: [],
      path: undefined,
    });
    expect(learner.random.seed).toBe(0);
  });

  test('makes the steps that plain code would make', async () => {
    const one: Example = { x: [1, 2], y: 3 };
    const model = toyModel();
    const trainer = new ToyTrainer({ sampler: toySampler([one]), batchSize: 1 });
    await new Learner(options({ model, trainer, maxEpochs: 1, stepsPerEpoch: 1 })).run();
    // w·x = 5, gradient 2 (5 − 3) x = [4, 8], rate 1e-3.
    expect(Array.from(model.weight.toTypedArray() as Float32Array)).toEqual(
      [1 - 0.004, 2 - 0.008].map(Math.fround),
    );
  });

  test('the same seed gives the same batches and weights, another seed others', async () => {
    const run = async (seed: number) => {
      const model = toyModel();
      const trainer = new ToyTrainer();
      await new Learner(options({ model, trainer, random: new Random({ seed }) })).run();
      return JSON.stringify([trainer.seen, model.weight.tolist()]);
    };
    expect(await run(3)).toBe(await run(3));
    expect(await run(3)).not.toBe(await run(4));
  });

  test('leaves no tensor behind', async () => {
    const learner = new Learner(
      options({ hooks: [new GradientClippingHook({ maxNorm: 1 })], stepsPerEpoch: 50 }),
    );
    await learner.run();
    for (const parameter of learner.model.parameters()) parameter.grad = null;
    const before = memory().tensors;
    await learner.run();
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
    await new Learner(options({ hooks, maxEpochs: 1 })).run();
    for (const norm of norms) expect(norm).toBeCloseTo(0.5, 4);
  });

  test('names the parameters that have no optimizer', async () => {
    const messages: string[] = [];
    const model = new Linear(2, 1);
    const filter = new RegexParameterFilter({ includes: ['weight'] });
    await new Learner(
      options({
        model,
        optimizers: [new ParameterOptimizer({ optimizer: new SGD(), filter })],
        progress: (event) => {
          if (event.type === 'warning') messages.push(event.message);
        },
      }),
    ).run();
    expect(messages).toEqual(['1 parameters have no optimizer and are not trained: bias']);
  });

  test('refuses a loss that is not finite, naming it', async () => {
    const trainer = new ToyTrainer({ sampler: toySampler([{ x: [1, 2], y: Number.NaN }]) });
    await expect(new Learner(options({ trainer })).run()).rejects.toThrow(
      'loss mse: expected a finite number, received NaN',
    );
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
    await expect(new Learner(options({ trainer: new Wide() })).run()).rejects.toThrow(
      'Expected a scalar for loss wide but received [1, 2]',
    );
    await expect(new Learner(options({ trainer: new None() })).run()).rejects.toThrow(
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
    await new Learner(
      options({
        model,
        trainer: new Two(),
        maxEpochs: 1,
        stepsPerEpoch: 1,
        progress: (event) => {
          if (event.type === 'step') metrics = event.metrics;
        },
      }),
    ).run();
    expect(Object.fromEntries(metrics)).toEqual({ b: 3, a: 5, 'a+b': 5.5, 'gradient/scheduler/1/1': 1e-3 });
    // The gradient is 1 + 0.5 · 2 w.
    expect(Array.from(model.weight.toTypedArray() as Float32Array)).toEqual(
      [1 - 0.002, 2 - 0.003].map(Math.fround),
    );
  });
});

describe('checkpoints', () => {
  test.each([
    [3, 1, 3],
    [5, 2, 5],
    [3, 5, 3],
  ])('%d epochs with interval %d leave the last alone', async (maxEpochs, checkpointInterval, last) => {
    const path = newDirectory();
    const model = toyModel();
    const output = await new Learner(options({ model, maxEpochs, checkpointInterval, path })).run();
    const directory = join(path, 'checkpoints');
    expect(readdirSync(directory).sort()).toEqual([`epoch-0000000${last}`, 'last']);
    expect(readlinkSync(join(directory, 'last'))).toBe(`epoch-0000000${last}`);
    expect(readdirSync(join(directory, 'last')).sort()).toEqual(['model.safetensors', 'state.json']);
    expect(JSON.parse(readFileSync(join(directory, 'last', 'state.json'), 'utf8'))).toMatchObject({
      version: 1,
      epoch: last,
      steps: last * 2,
    });
    const trained = model.weight.tolist();
    model.weight.data = toyModel().weight;
    await output.learnedModel!.execute();
    expect(model.weight.tolist()).toEqual(trained);
  });

  test('without a path nothing is written', async () => {
    const output = await new Learner(options()).run();
    expect(output.learnedModel).toBeUndefined();
  });

  test('a directory with another run is refused, and left as it is', async () => {
    const path = newDirectory();
    mkdirSync(join(path, 'checkpoints', 'epoch-00000007'), { recursive: true });
    await expect(new Learner(options({ path })).run()).rejects.toThrow(
      /^learner\.path: expected a directory without checkpoints, received .* with epoch-00000007; choose another/,
    );
    expect(existsSync(join(path, 'checkpoints', 'epoch-00000007'))).toBe(true);
  });
});

describe('options', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ optimizers: [] }, 'learner.optimizers: expected at least one ParameterOptimizer, received []'],
    [{ optimizers: new SGD() }, 'learner.optimizers: expected an array, received an object (SGD)'],
    [
      { optimizers: [new SGD()] },
      'learner.optimizers[0]: expected a ParameterOptimizer, received an object (SGD)',
    ],
    [{ maxEpochs: '10' }, 'learner.maxEpochs: expected a positive integer, received "10"'],
    [{ maxEpochs: 0 }, 'learner.maxEpochs: expected a positive integer, received 0'],
    [{ stepsPerEpoch: 1.5 }, 'learner.stepsPerEpoch: expected a positive integer, received 1.5'],
    [{ model: {} }, 'learner.model: expected a Module, received an object (Object)'],
    [{ trainer: undefined }, 'learner.trainer: expected a Trainer, received undefined'],
    [{ hooks: [{}] }, 'learner.hooks[0]: expected a Hook, received an object (Object)'],
    [{ progress: 1 }, 'learner.progress: expected a boolean, received 1'],
    [{ maxEpoch: 10 }, 'learner.maxEpoch: no such option, did you mean maxEpochs?'],
    [{ fp16: true }, 'learner.fp16: no such option, there are random, trainer, model,'],
  ])('%p', (wrong, message) => {
    expect(() => new Learner({ ...options(), ...wrong } as LearnerOptions)).toThrow(message);
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
