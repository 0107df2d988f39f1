import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  Adam,
  GradientHook,
  LossTrainer,
  ParameterOptimizer,
  RegexParameterFilter,
  SGD,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { ScheduledOptimizer } from '../../lib/learning/scheduledOptimizer.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { GradScaler } from '../../lib/torch/gradScaler.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Module } from '../../lib/torch/nn/module.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { type Example, newDirectory, ToyTrainer, toyLearner, toyModel, toySampler } from './toy.ts';

beforeAll(() => setNumThreads(1));

const QUIET = { progress: false } as const;

/** Notes in which dtype the model computes. */
class Noting extends ToyTrainer {
  readonly dtypes: string[] = [];
  protected override trainBatch(records: readonly Example[]): void {
    const out = (this.trainedModel as Linear).forward(tensor([[1, 2]]));
    this.dtypes.push(out.dtype);
    super.trainBatch(records);
  }
}

describe('useFp16', () => {
  test.each([
    [false, 'float32'],
    [true, 'bfloat16'],
  ])('%p computes in %s on the CPU; parameters stay as they are', async (useFp16, dtype) => {
    const model = toyModel();
    const trainer = new Noting();
    await toyLearner({ model, trainer, useFp16, maxEpochs: 1 }).run(QUIET);
    expect(trainer.dtypes).toEqual([dtype, dtype]);
    expect(model.weight.dtype).toBe('float32');
    expect(model.weight.tolist()).not.toEqual([[1, 2]]);
  });

  test('(d) a run that goes on ends as one that was not interrupted', async () => {
    const weights = async (path: string, epochs: readonly number[]) => {
      const models = [];
      for (const maxEpochs of epochs) {
        models.push(toyModel());
        await toyLearner({ model: models.at(-1)!, useFp16: true, maxEpochs }).run({ path, ...QUIET });
      }
      return models.at(-1)!.weight.tolist();
    };
    expect(await weights(newDirectory(), [2, 4])).toEqual(await weights(newDirectory(), [4]));
  });

  test('a checkpoint of another precision is refused', async () => {
    const path = newDirectory();
    await toyLearner({ maxEpochs: 1 }).run({ path, ...QUIET });
    await expect(toyLearner({ useFp16: true }).run({ path, ...QUIET })).rejects.toThrow('a state for scaler');
  });
});

describe('precision', () => {
  test.each([
    ['32-true', 'float32', 'float32'],
    ['16-mixed', 'float16', 'float32'],
    ['bf16-mixed', 'bfloat16', 'float32'],
    ['bf16-true', 'bfloat16', 'bfloat16'],
  ] as const)('%s computes in %s, with parameters of %s', async (precision, dtype, own) => {
    const computed: string[] = [];
    class Collating extends LossTrainer<Example, readonly [Tensor, Tensor]> {
      constructor() {
        super({ sampler: toySampler(), batchSize: 2 });
      }
      protected override collate(records: readonly Example[]): readonly [Tensor, Tensor] {
        return [tensor(records.map((each) => [...each.x])), tensor(records.map((each) => [each.y]))];
      }
      protected override trainBatch([x, y]: readonly [Tensor, Tensor]): void {
        const out = (this.trainedModel as Linear).forward(x);
        computed.push(out.dtype);
        this.context.addLoss('mse', F.mseLoss(out, y.to(out.dtype)));
      }
    }
    const weights = async (compile: boolean) => {
      const model = toyModel();
      await toyLearner({ model, precision, compile, trainer: new Collating(), maxEpochs: 3 }).run(QUIET);
      expect(model.weight.dtype).toBe(own);
      return model.weight.tolist();
    };
    const eager = await weights(false);
    expect(new Set(computed)).toEqual(new Set([dtype]));
    expect(eager).not.toEqual([[1, 2]]);
    expect(await weights(true)).toEqual(eager);
  });

  test('16-mixed skips steps whose scaled gradients overflow, and scales less from then on', async () => {
    const scales: (number | undefined)[] = [];
    class Large extends ToyTrainer {
      protected override trainBatch(): void {
        // Its gradient is 1, times a scale beyond what float16 has.
        this.context.addLoss('sum', (this.trainedModel as Linear).weight.to('float16').sum().to('float32'));
      }
    }
    const model = toyModel();
    await toyLearner({
      model,
      precision: '16-mixed',
      trainer: new Large(),
      maxEpochs: 1,
      stepsPerEpoch: 3,
    }).run({
      progress: (event) => {
        if (event.type === 'step') scales.push(event.metrics.get('gradient/scaler'));
      },
    });
    // 2^16 is infinite in float16, 2^15 is not: the first step is skipped. The rate of the toy is 1e-3.
    expect(scales).toEqual([65536, 32768, 32768]);
    expect((model.weight.tolist() as number[][])[0]![0]).toBeCloseTo(1 - 2e-3, 6);
  });

  test('is not given beside useFp16', async () => {
    await expect(toyLearner({ precision: 'bf16-mixed', useFp16: true }).run(QUIET)).rejects.toThrow(
      'learner.precision: expected no other precision beside useFp16, received "bf16-mixed"',
    );
    expect(() => toyLearner({ precision: 'fp16' as never })).toThrow('expected one of "32-true"');
  });
});

class Two extends Module {
  readonly a = new Linear(1, 1, { bias: false });
  readonly b = new Linear(1, 1, { bias: false });
  forward(): never {
    throw new Error('not called');
  }
}

describe('a scaler is shared by all optimizers', () => {
  const metrics = new Map<string, number>();
  const context = {
    addMetric: (key: string, value: number) => metrics.set(key, value),
  } as unknown as TrainerContext;

  function scaled(hook?: GradientHook) {
    const model = new Two();
    noGrad(() => [model.a, model.b].map((each) => each.weight.fill_(1)));
    const optimizer = new ScheduledOptimizer();
    const only = (name: string) => new RegexParameterFilter({ includes: [`^${name}`] });
    const scaler = new GradScaler('cpu', { initScale: 8, growthInterval: 1 });
    optimizer.initialize(
      [
        new ParameterOptimizer({ optimizer: new SGD({ lr: 0.5 }), filter: only('a') }),
        new ParameterOptimizer({ optimizer: new Adam(), filter: only('b') }),
      ],
      { model, totalSteps: 10, scaler, hooks: hook === undefined ? [] : [hook] },
    );
    return { model, optimizer, scaler };
  }

  test('which scales losses, shows hooks gradients without the scale, and skips what has no gradients', async () => {
    const seen: unknown[] = [];
    class Seeing extends GradientHook {
      gradients(): void {
        seen.push(model.a.weight.grad!.item(), model.b.weight.grad);
      }
    }
    const { model, optimizer, scaler } = scaled(new Seeing());
    const loss = optimizer.scale(model.a.weight.sum().mul(3));
    expect(loss.item()).toBe(24);
    loss.backward();
    expect(model.a.weight.grad!.item()).toBe(24);
    await optimizer.optimizerStep(context);
    // The gradient is 3, the rate 0.5; b was in no loss.
    expect(seen).toEqual([3, null]);
    expect([model.a.weight.item(), model.b.weight.item()]).toEqual([1 - 1.5, 1]);
    expect(metrics.get('gradient/scaler')).toBe(8);
    expect(scaler.getScale()).toBe(16);
  });

  test('which skips a step whose gradients overflow, in every optimizer that has them, and then scales less', async () => {
    const { model, optimizer, scaler } = scaled();
    const infinite = model.a.weight.div(F.zeros([1])).sum();
    optimizer.scale(infinite.add(model.b.weight.sum())).backward();
    await optimizer.optimizerStep(context);
    expect(model.a.weight.item()).toBe(1);
    expect(model.b.weight.item()).not.toBe(1);
    expect(scaler.getScale()).toBe(4);
    const { scaler: state } = optimizer.stateDict();
    const other = scaled();
    other.optimizer.loadStateDict({ ...other.optimizer.stateDict(), scaler: state });
    expect(other.scaler.getScale()).toBe(4);
  });

  test('which asks for nothing where no parameter has gradients', async () => {
    const { model, optimizer, scaler } = scaled();
    await optimizer.optimizerStep(context);
    expect(model.a.weight.item()).toBe(1);
    expect(scaler.getScale()).toBe(8);
  });
});
