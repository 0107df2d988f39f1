/** Compiled steps against steps as ever: the same bits, whatever the run is made of. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { OutOfMemoryError } from '../../lib/errors.ts';
import {
  Adam,
  AdamW,
  type Batcher,
  GradientClippingHook,
  GradientHook,
  GradientLogHook,
  type Hook,
  type Learner,
  LinearWithWarmup,
  LossTrainer,
  MultipleTrainer,
  type Optimizer,
  ParameterOptimizer,
  PowerAdaptativeBatcher,
  RegexParameterFilter,
  SGD,
  StepTrainingHook,
  type Trainer,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { fromTypedArray } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { BatchNorm1d } from '../../lib/torch/nn/layers/batchNorm.ts';
import { Dropout } from '../../lib/torch/nn/layers/dropout.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Module } from '../../lib/torch/nn/module.ts';
import { getRngState, manualSeed } from '../../lib/torch/random.ts';
import { memory, tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { EXAMPLES, type Example, newDirectory, toyLearner, toySampler } from './toy.ts';

beforeAll(() => setNumThreads(1));

class Net extends Module {
  readonly first = new Linear(2, 16);
  readonly norm = new BatchNorm1d(16);
  readonly dropout = new Dropout(0.3);
  readonly last = new Linear(16, 1);
  readonly spare = new Linear(1, 1);

  forward(x: Tensor): Tensor {
    return this.last.forward(this.dropout.forward(this.norm.forward(this.first.forward(x)).relu()));
  }
}

interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
}

const collated = (records: readonly Example[]): Batch => ({
  x: fromTypedArray(Float32Array.from(records.flatMap(({ x }) => [...x])), [records.length, 2]),
  y: fromTypedArray(
    Float32Array.from(records, ({ y }) => y),
    [records.length, 1],
  ),
});

/** Two losses, and a metric that is a tensor. */
class NetTrainer extends LossTrainer<Example, Batch> {
  constructor(options: { readonly batcher?: Batcher; readonly batchSize?: number } = {}) {
    super({ sampler: toySampler([...EXAMPLES, ...EXAMPLES]), batchSize: 4, ...options });
  }

  protected override collate(records: readonly Example[]): Batch | Promise<Batch> {
    return collated(records);
  }

  protected override trainBatch({ x, y }: Batch): void {
    const out = (this.trainedModel as Net).forward(x);
    this.context.addMetric('mean', out.mean());
    this.context.addLoss('mse', F.mseLoss(out, y), 0.5);
    this.context.addLoss('size', out.square().mean(), 0.1);
  }
}

interface Made {
  readonly trainer?: () => Trainer;
  readonly optimizers?: () => readonly ParameterOptimizer[];
  readonly hooks?: () => readonly Hook[];
  readonly useFp16?: boolean;
  readonly accumulateGradBatches?: number;
  readonly model?: () => Net;
}

const one = (optimizer: Optimizer) => [
  new ParameterOptimizer({ optimizer, scheduler: new LinearWithWarmup({ numWarmupSteps: 3 }) }),
];

function newLearner(made: Made, compile: Learner['compile'], maxEpochs: number): Learner {
  manualSeed(3);
  return toyLearner({
    model: (made.model ?? (() => new Net()))(),
    trainer: (made.trainer ?? (() => new NetTrainer()))(),
    optimizers: (made.optimizers ?? (() => one(new AdamW({ lr: 1e-2, fused: true }))))(),
    hooks: made.hooks?.() ?? [],
    useFp16: made.useFp16 ?? false,
    accumulateGradBatches: made.accumulateGradBatches ?? 1,
    compile,
    maxEpochs,
    stepsPerEpoch: 9,
  });
}

/** Everything that a run leaves: metrics of steps and epochs, the checkpoint, the random state; and its warnings. */
async function outcome(made: Made, compile: Learner['compile'], stops: readonly number[] = [3]) {
  const path = newDirectory();
  const told: unknown[] = [];
  const warnings: string[] = [];
  for (const maxEpochs of stops) {
    await newLearner(made, compile, maxEpochs).run({
      path,
      progress: (event) => {
        if (event.type === 'warning') warnings.push(event.message);
        if (event.type === 'step') told.push([event.state, [...event.metrics], event.samples]);
        if (event.type === 'epoch') told.push([event.state, [...event.metrics]]);
      },
    });
  }
  const files = ['model.safetensors', 'state.safetensors', 'state.json'].map((name) =>
    createHash('sha256')
      .update(readFileSync(join(path, 'checkpoints', 'last', name)))
      .digest('hex'),
  );
  const random = createHash('sha256').update(String(getRngState().tolist())).digest('hex');
  return { told, files, random, warnings };
}

const only = (name: string) => new RegexParameterFilter({ includes: [`^${name}`] });

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

/** The loss is of `first` in most steps, and of `last` in every fifth. */
class Alternating extends NetTrainer {
  protected override collate(records: readonly Example[]): Batch {
    const { x, y } = collated(records);
    return records[0]!.y > 8 ? { x: F.cat([x, x]), y } : { x, y };
  }

  protected override trainBatch({ x, y }: Batch): void {
    const net = this.trainedModel as Net;
    const isLong = x.shape[0] !== y.shape[0];
    this.context.addLoss(
      'loss',
      isLong ? net.spare.forward(y).square().mean() : net.first.forward(x).square().mean(),
    );
  }
}

describe('what goes otherwise than before', () => {
  test('gradients of other parameters, in shapes of their own', async () => {
    const made = { trainer: () => new Alternating({ batchSize: 2 }) };
    const eager = await outcome(made, false);
    expect(await outcome(made, true)).toEqual(eager);
  });

  test('memory that runs out: the step is made again in smaller parts, as without', async () => {
    class Failing extends NetTrainer {
      #steps = 0;
      protected override collate(records: readonly Example[]): Batch {
        // Of a step that would be compiled by then.
        if (++this.#steps === 8)
          throw new OutOfMemoryError('CUDA out of memory', { code: 'ERR_OUT_OF_MEMORY', op: '' });
        return collated(records);
      }
    }
    const trainer = new Failing({ batcher: new PowerAdaptativeBatcher() });
    await expect(newLearner({ trainer: () => trainer }, true, 1).run({ progress: false })).rejects.toThrow(
      'out of memory',
    );

    /** As an operator that finds no memory for more than two rows. */
    class Narrow extends NetTrainer {
      protected override trainBatch(batch: Batch): void {
        if (batch.x.shape[0]! > 2 && this.context.state.steps > 1)
          throw new OutOfMemoryError('CUDA out of memory', { code: 'ERR_OUT_OF_MEMORY', op: '' });
        super.trainBatch(batch);
      }
    }
    const restarts: unknown[] = [];
    const samples: number[] = [];
    await newLearner(
      { trainer: () => new Narrow({ batcher: new PowerAdaptativeBatcher() }), hooks: () => [] },
      true,
      1,
    ).run({
      progress: (event) => {
        if (event.type === 'restart') restarts.push([event.state.steps, event.message]);
        if (event.type === 'step') samples.push(event.samples);
      },
    });
    expect(restarts).toEqual([[2, 'Memory ran out; from here on at most 2 records at once']]);
    expect(samples).toEqual(Array.from({ length: 9 }, () => 4));
  });

  test('a loss that is not finite fails the run before anything is updated', async () => {
    let poisoned = false;
    class Poisoned extends NetTrainer {
      protected override collate(records: readonly Example[]): Batch {
        const { x, y } = collated(records);
        if (this.context.state.steps >= 7 && !poisoned) {
          poisoned = true;
          y.fill_(Number.NaN);
        }
        return { x, y };
      }
    }
    const path = newDirectory();
    const learner = newLearner({ trainer: () => new Poisoned() }, true, 1);
    await expect(learner.run({ path, progress: false })).rejects.toThrow(
      /^loss mse: expected a finite number, received NaN in step \d of epoch 1: .*the batch is in /,
    );
    for (const parameter of learner.model.parameters()) expect(parameter.isfinite().all().item()).toBe(true);
  });

  test('a signal stops it after the steps at hand, and it goes on to the same bits', async () => {
    const path = newDirectory();
    const controller = new AbortController();
    const stopped = newLearner({}, true, 3).run({
      path,
      signal: controller.signal,
      progress: (event) => {
        if (event.type === 'step' && event.state.steps === 14) controller.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    await newLearner({}, true, 3).run({ path, progress: false });
    const file = readFileSync(join(path, 'checkpoints', 'last', 'model.safetensors'));
    expect(createHash('sha256').update(file).digest('hex')).toBe((await outcome({}, false)).files[0]);
  });

  test.each<[string, new () => NetTrainer, RegExp]>([
    [
      'a number from JavaScript',
      class extends NetTrainer {
        protected override trainBatch({ x }: Batch): void {
          const net = this.trainedModel as Net;
          this.context.addLoss('loss', net.forward(x).square().mean().mul(this.context.state.steps));
        }
      },
      /trainBatch depends on values: aten::mul: other was 1, and then 2$/,
    ],
    [
      'a metric that is a number',
      class extends NetTrainer {
        protected override trainBatch(batch: Batch): void {
          super.trainBatch(batch);
          this.context.addMetric('rows', batch.x.shape[0]!);
        }
      },
      /trainBatch adds metric rows as a number: give addMetric a scalar tensor$/,
    ],
    [
      'a value that is read',
      class extends NetTrainer {
        protected override trainBatch(batch: Batch): void {
          super.trainBatch(batch);
          this.context.addMetric('rows', batch.x.sum());
          if ((batch.y.sum().item() as number) > 1e9) throw new Error('never');
        }
      },
      /trainBatch reads a value with aten::item, at .*compiled\.test/,
    ],
  ])('%s: the run goes on without, and says why', async (_, Trained, why) => {
    const made = { trainer: () => new Trained() };
    const [eager, compiled] = [await outcome(made, false), await outcome(made, true)];
    const warnings = compiled.warnings.filter((each) => each.startsWith('steps are not compiled'));
    expect(warnings).toEqual([expect.stringMatching(why)]);
    expect({ ...compiled, warnings: [] }).toEqual({ ...eager, warnings: [] });
  });

  test('the event loop has its turns while a step is computed', async () => {
    class Long extends NetTrainer {
      protected override trainBatch({ x, y }: Batch): void {
        const net = this.trainedModel as Net;
        let out = net.first.forward(x);
        for (let i = 0; i < 300; i++) out = out.mm(out.t()).mm(out).tanh();
        this.context.addLoss('loss', F.mseLoss(net.last.forward(out), y));
      }
    }
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    count();
    await newLearner({ trainer: () => new Long() }, true, 3).run({ progress: false });
    isDone = true;
    expect(turns).toBeGreaterThan(27 * 3);
  });

  test('JavaScript may look at parameters and change them while steps are under way', async () => {
    const learner = newLearner({}, true, 40);
    const net = learner.model as Net;
    let isDone = false;
    let changes = 0;
    const meddle = () => {
      if (isDone) return;
      changes++;
      tidy(() =>
        noGrad(() => {
          const { weight } = net.first;
          expect(weight.tolist()).toHaveLength(16);
          weight.data = weight.clone();
          weight.mul_(1);
          net.last.weight.requiresGrad = false;
          net.last.weight.requiresGrad = true;
          net.norm.buffers()[0]!.add_(0);
        }),
      );
      setImmediate(meddle);
    };
    meddle();
    await learner.run({ progress: false });
    isDone = true;
    expect(changes).toBeGreaterThan(10);
    for (const parameter of net.parameters()) expect(parameter.isfinite().all().item()).toBe(true);
  });
});
