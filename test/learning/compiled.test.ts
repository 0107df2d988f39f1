import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  Adam,
  AdamW,
  GradientClippingHook,
  GradientHook,
  GradientLogHook,
  MultipleTrainer,
  ParameterOptimizer,
  PowerAdaptativeBatcher,
  SGD,
  StepTrainingHook,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { memory } from '../../lib/torch/scope.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import {
  type Batch,
  collated,
  type Made,
  Net,
  NetTrainer,
  newLearner,
  one,
  only,
  outcome,
} from './compiledNet.ts';
import type { Example } from './toy.ts';

beforeAll(() => setNumThreads(1));

describe('a compiled run leaves the same bits, tells the same, and warns of nothing', () => {
  test.each<[string, Made]>([
    ['of a model with dropout and running statistics', {}],
    [
      'with momenta and a decay',
      { optimizers: () => one(new SGD({ lr: 1e-3, momentum: 0.9, weightDecay: 0.1, fused: true })) },
    ],
    ['whose optimizer stays in JavaScript', { optimizers: () => one(new Adam({ lr: 1e-2 })) }],
    [
      'of several optimizers',
      {
        optimizers: () => [
          new ParameterOptimizer({ optimizer: new SGD({ lr: 1e-3, fused: true }), filter: only('first') }),
          ...one(new AdamW({ lr: 1e-2, fused: true })),
        ],
      },
    ],
    [
      'with hooks on gradients',
      { hooks: () => [new GradientClippingHook({ maxNorm: 0.5 }), new GradientLogHook({})] },
    ],
    ['of several batches in a step', { accumulateGradBatches: 3 }],
    ['in bfloat16', { useFp16: true }],
    [
      'in parts of a batch',
      { trainer: () => new NetTrainer({ batcher: new PowerAdaptativeBatcher(), batchSize: 5 }) },
    ],
    [
      'of several trainers',
      {
        trainer: () =>
          new MultipleTrainer({ trainers: { a: new NetTrainer(), b: new NetTrainer({ batchSize: 2 }) } }),
      },
    ],
    [
      'with hooks around steps',
      {
        hooks: () => {
          class Steps extends StepTrainingHook {
            override before(context: TrainerContext): void {
              context.addMetric('before', context.state.steps);
            }
          }
          return [new Steps()];
        },
      },
    ],
    [
      'with a hook on gradients that stays in JavaScript',
      {
        hooks: () => {
          class Halving extends GradientHook {
            async gradients({ model }: TrainerContext): Promise<void> {
              for (const { grad } of model.parameters()) grad?.div_(2);
            }
          }
          return [new Halving()];
        },
      },
    ],
    [
      'that collates slowly',
      {
        trainer: () => {
          class Slow extends NetTrainer {
            protected override async collate(records: readonly Example[]): Promise<Batch> {
              await new Promise((resolve) => setTimeout(resolve, 1));
              return collated(records);
            }
          }
          return new Slow();
        },
      },
    ],
  ])('%s', async (_, made) => {
    const eager = await outcome(made, false);
    expect(await outcome(made, true)).toEqual(eager);
    expect(await outcome(made, 'verify')).toEqual(eager);
    expect(eager.warnings.filter((each) => !each.includes('spare'))).toEqual([]);
  });

  test('also when it stopped and went on', async () => {
    const { files, random } = await outcome({}, true, [3]);
    const stopped = await outcome({}, true, [1, 2, 3]);
    // Schedules are made for the length of a run.
    expect(stopped.random).toEqual(random);
    const mixed = [await outcome({}, false, [1, 3]), await outcome({}, true, [1, 3])];
    expect(mixed[1]).toEqual(mixed[0]);
    expect(files).toHaveLength(3);
  });

  test('and leaves no tensor behind', async () => {
    const net = new Net();
    const made = { model: () => net, hooks: () => [new GradientLogHook({})], accumulateGradBatches: 2 };
    const run = () => newLearner(made, true, 1).run({ progress: false });
    await run();
    const before = memory().tensors;
    await run();
    expect(memory().tensors).toBe(before);
  });
});
