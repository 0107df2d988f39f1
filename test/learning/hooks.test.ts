import { describe, expect, test } from '@jest/globals';
import { config, identifier, int, param, setMeta } from '../../lib/experiment/index.ts';
import { Hooks } from '../../lib/learning/hooks.ts';
import {
  GradientClippingHook,
  GradientHook,
  GradientLogHook,
  Hook,
  InitializationHook,
  OptimizationHook,
  StepTrainingHook,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Module } from '../../lib/torch/nn/module.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { newDirectory, toyLearner, toyModel } from './toy.ts';

/** A family of one's own, which a model would look up while it computes. */
abstract class VectorListener extends Hook {
  abstract vectors(): string;
}

class Counts extends config(import.meta, 'test.hooks.Counts', { start: param(int) }, VectorListener) {
  count = this.start;
  vectors = () => `${this.count++}`;
  override stateDict = () => this.count;
  override loadStateDict = (state: unknown) => {
    this.count = state as number;
  };
}

class Silent extends GradientHook {
  gradients(): void {}
}

describe('hooks', () => {
  test('are found by their class and by every class above it, in the order in which they came', () => {
    const clipping = new GradientClippingHook({ maxNorm: 1 });
    const silent = new Silent();
    const counts = new Counts({ start: 1 });
    const hooks = new Hooks();
    for (const hook of [silent, counts, clipping]) hooks.add(hook);

    expect(hooks.of(Hook)).toEqual([silent, counts, clipping]);
    expect(hooks.of(OptimizationHook)).toEqual([silent, clipping]);
    expect(hooks.of(GradientHook)).toEqual([silent, clipping]);
    expect(hooks.of(GradientClippingHook)).toEqual([clipping]);
    expect(hooks.of(VectorListener).map((hook) => hook.vectors())).toEqual(['1']);
    expect(hooks.of(StepTrainingHook)).toEqual([]);
  });

  test('a class of another tree is a family when it says who belongs to it', () => {
    abstract class Named extends Hook {
      abstract name: string;
      static override [Symbol.hasInstance](hook: object): boolean {
        return 'name' in hook;
      }
    }
    const hooks = new Hooks();
    hooks.add(new GradientLogHook());
    hooks.add(new Silent());
    expect(hooks.of(Named).map(({ name }) => name)).toEqual(['gradient_norm']);
  });

  test('have names by which another process finds them', () => {
    const hooks = new Hooks();
    for (const hook of [new Silent(), new Counts({ start: 5 }), new Silent()]) hooks.add(hook);
    expect(hooks.named().map(([name]) => name)).toEqual(['Silent', 'Counts', 'Silent#2']);
  });

  test('remember what they have to; one that comes later begins where it begins', async () => {
    const path = newDirectory();
    const run = async (hooks: readonly Hook[], maxEpochs: number) => {
      const warnings: string[] = [];
      await toyLearner({ hooks, maxEpochs }).run({
        path,
        progress: (event) => {
          if (event.type === 'warning') warnings.push(event.message);
        },
      });
      return warnings;
    };
    const before = new Counts({ start: 5 });
    before.vectors();
    await run([new Silent(), before], 1);
    const after = new Counts({ start: 5 });
    expect(await run([after, new Silent()], 2)).toEqual([]);
    expect(after.count).toBe(6);
    const other = new Counts({ start: 7 });
    const [warning] = await run([after, other], 3);
    expect(warning).toMatch(/was made with other hooks or listeners: Counts#2$/);
    expect(other.count).toBe(7);
  });

  test('are in the identity unless setMeta takes them out', () => {
    class Holder extends config(import.meta, 'test.hooks.Holder', { hook: param(Hook) }) {}
    const holder = (maxNorm: number, isMeta: boolean) =>
      identifier(new Holder({ hook: setMeta(new GradientClippingHook({ maxNorm }), isMeta) }));
    expect(holder(1, false)).not.toBe(holder(2, false));
    expect(holder(1, true)).toBe(holder(2, true));
  });
});

/** Two layers with gradients 3 and [0, 4] and a parameter without one. */
class Gradients extends Module {
  a = new Linear(1, 1, { bias: false });
  b = new Linear(2, 1, { bias: false });
  unused = new Linear(1, 1);
  forward(): never {
    throw new Error('not called');
  }
}

function withGradients(scale = 1): Gradients {
  const model = new Gradients();
  model.a.weight.grad = tensor([[3 * scale]]);
  model.b.weight.grad = tensor([[0, 4 * scale]]);
  return model;
}

/** The metrics that a hook adds for a model. */
function metricsOf(hook: GradientHook, model: Module): Record<string, number> {
  const metrics: Record<string, number> = {};
  const addMetric = (key: string, value: number | Tensor) => {
    metrics[key] = typeof value === 'number' ? value : Number(value.item());
  };
  hook.gradients({ model, addMetric } as unknown as TrainerContext);
  return metrics;
}

describe('GradientClippingHook', () => {
  const clipped = (maxNorm: number) => {
    const model = withGradients();
    new GradientClippingHook({ maxNorm }).gradients({ model } as unknown as TrainerContext);
    return [model.a.weight.grad!.item(), model.b.weight.grad!.tolist()];
  };

  test('scales all gradients together by their common norm, 5 here', () => {
    const [a, b] = clipped(1) as [number, [[number, number]]];
    expect(a).toBeCloseTo(3 / 5, 5);
    expect(b[0][0]).toBe(0);
    expect(b[0][1]).toBeCloseTo(4 / 5, 5);
  });

  test('leaves smaller ones alone', () => {
    expect(clipped(5.1)).toEqual([3, [[0, 4]]]);
  });

  test('does nothing without gradients', () => {
    const model = new Gradients();
    new GradientClippingHook({ maxNorm: 1 }).gradients({ model } as unknown as TrainerContext);
    expect(model.a.weight.grad).toBeNull();
  });

  test.each([-1, Number.NaN])('refuses %p', (maxNorm) => {
    expect(() => new GradientClippingHook({ maxNorm })).toThrow(
      `gradientClippingHook.maxNorm: expected a number of at least 0, received ${maxNorm}`,
    );
  });

  test('bounds a step: with rate 1 the parameters move by at most the norm', async () => {
    const model = toyModel();
    const before = model.weight.tolist() as number[][];
    const hooks = [new GradientClippingHook({ maxNorm: 1e-2 })];
    await toyLearner({ model, hooks, maxEpochs: 1, stepsPerEpoch: 1 }).run({ progress: false });
    const after = model.weight.tolist() as number[][];
    const moved = Math.hypot(...after[0]!.map((value, i) => value - before[0]![i]!));
    // The rate of toyOptimizers is 1e-3, and the gradients of the toy are far above the bound.
    expect(moved / 1e-3).toBeCloseTo(1e-2, 3);
  });
});

describe('GradientLogHook', () => {
  test('logs the L2 norm of all gradients under a name of its own', () => {
    expect(metricsOf(new GradientLogHook(), withGradients())).toEqual({ 'gradient_norm/l2': 5 });
    expect(metricsOf(new GradientLogHook({ name: 'g' }), withGradients(2))).toEqual({ 'g/l2': 10 });
  });

  test("logs upstream's number under upstream's name when asked", () => {
    // (1 · 3² + 2 · 4²) / (1 + 2)
    const metrics = metricsOf(new GradientLogHook({ upstream: true }), withGradients());
    expect(metrics).toEqual({ gradient_norm: (9 + 32) / 3 });
  });

  test('needs no gradients', () => {
    expect(metricsOf(new GradientLogHook(), new Gradients())).toEqual({ 'gradient_norm/l2': 0 });
    expect(metricsOf(new GradientLogHook({ upstream: true }), new Gradients())).toEqual({});
  });

  test('is a metric of every step', async () => {
    const seen: (number | undefined)[] = [];
    const hooks = [new GradientClippingHook({ maxNorm: 0.5 }), new GradientLogHook()];
    await toyLearner({ hooks, maxEpochs: 1 }).run({
      progress: (event) => {
        if (event.type === 'step') seen.push(event.metrics.get('gradient_norm/l2'));
      },
    });
    // After clipping, as it comes after it in the list.
    expect(seen.map((norm) => norm?.toFixed(4))).toEqual(['0.5000', '0.5000']);
  });
});

test('an InitializationHook is no other hook', () => {
  class Init extends InitializationHook {}
  const hooks = new Hooks();
  hooks.add(new Init());
  expect(hooks.of(OptimizationHook)).toEqual([]);
});
